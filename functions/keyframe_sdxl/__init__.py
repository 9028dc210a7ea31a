"""SDXL keyframes: the cast's LoRAs and reference pictures, any number of figures, control from an earlier picture."""
