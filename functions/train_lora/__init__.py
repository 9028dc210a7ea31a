"""A LoRA of one character for SDXL, from a handful of pictures."""
