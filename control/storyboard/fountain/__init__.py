"""Fountain scripts: read into a storyboard with a first coverage, and written back without loss."""

from control.storyboard.fountain.exporter import export_fountain
from control.storyboard.fountain.importer import import_fountain
from control.storyboard.fountain.report import Guess, Imported, Report

__all__ = ["Guess", "Imported", "Report", "export_fountain", "import_fountain"]
