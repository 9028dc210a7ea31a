"""Tests of models run on one thread, so that their figures do not depend on the machine's cores."""

import torch

torch.set_num_threads(1)
