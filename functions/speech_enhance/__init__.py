"""Recorded speech made clean and wide again: resemble-enhance where a voice is, plain filters elsewhere."""
