"""The mesh by its former name."""

from functions.models.mesh import CHIN, LOWER_LIP, UPPER_LIP, FaceMesh, Look, Mesh

__all__ = ["CHIN", "LOWER_LIP", "UPPER_LIP", "FaceMesh", "Look", "Mesh"]
