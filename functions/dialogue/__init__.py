"""Engine `voice-piper`: spoken lines with word times, on a CPU."""
