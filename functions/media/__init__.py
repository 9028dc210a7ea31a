"""Probe, streamed decode and encode, sanity checks: what every engine that touches media shares."""
