"""The animatic engine: storyboard panels drawn from words, moved by a 2.5D camera. Any CPU, no weights."""
