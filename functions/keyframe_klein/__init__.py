"""Keyframes by FLUX.2 klein 4B: characters and a place kept from up to four pictures, without training."""
