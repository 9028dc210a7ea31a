"""The `motion_ltx` engine: a keyframe moved by LTX-Video."""
