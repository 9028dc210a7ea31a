"""No library of models may use the network: weights come from a local snapshot, or not at all."""

import os
import sys

SWITCHES = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
    "DISABLE_TELEMETRY": "1",
    "DIFFUSERS_VERBOSITY": "error",
    "TRANSFORMERS_VERBOSITY": "error",
}
"""Environment of `huggingface_hub`, `transformers` and `diffusers`. They read it once, when they are imported."""


LIBRARIES, FLAG = frozenset({"huggingface_hub", "diffusers", "transformers"}), "HF_HUB_OFFLINE"


def enforce() -> None:
    """Set the switches, and in the hub's library too where it was imported before: then it holds what it read."""
    os.environ.update(SWITCHES)
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in LIBRARIES and hasattr(module, FLAG):
            setattr(module, FLAG, True)
