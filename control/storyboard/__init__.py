"""The storyboard: schema, files, edits, checks. Pure."""
