"""Engine `assemble`: conform, mix and join the film."""
