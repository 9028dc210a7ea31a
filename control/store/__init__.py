"""The object store behind one interface."""
