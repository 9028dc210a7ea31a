"""Engine `sound-synth`: seeded effects, ambiences and cues, on a CPU."""
