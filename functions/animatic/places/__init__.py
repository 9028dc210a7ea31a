"""Places: backgrounds drawn from words, one module a family of motifs."""
