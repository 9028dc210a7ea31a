"""Engine `animatic`: drawn keyframes and moving panels, on a CPU."""
