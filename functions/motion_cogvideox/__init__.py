"""The `motion_cogvideox` engine: a keyframe moved by CogVideoX 5B."""
