"""Renders: `advance` decides, `runner` carries out."""
