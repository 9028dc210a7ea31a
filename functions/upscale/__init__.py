"""Clips enlarged by super-resolution networks."""
