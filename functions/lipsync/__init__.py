"""Mouths moved to spoken lines by MuseTalk 1.5; all else of the picture stays as it is."""
