"""Clips at another frame rate, by pictures between their pictures."""
