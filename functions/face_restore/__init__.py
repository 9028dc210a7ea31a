"""Faces of a clip restored by a face network."""
