"""The `motion_wan` engine: a keyframe moved by Wan 2.2."""
