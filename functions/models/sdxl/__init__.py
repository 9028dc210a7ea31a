"""SDXL's published modules, shared by the engine that makes keyframes with them and the one that trains their LoRAs."""
