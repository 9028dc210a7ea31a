"""The build graph: plan, fingerprints, timeline, quote. Pure."""
