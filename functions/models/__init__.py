"""What the picture engines share: weights, residency, offload plans, adapters, the checks of a denoising loop.

Importing this package takes the libraries of models off the network, whichever of them is imported first.
"""

from functions.models import offline

offline.enforce()
