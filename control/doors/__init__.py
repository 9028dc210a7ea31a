"""Doors as the Studio sees them."""
