"""Tiny weights of the SDXL engine, built once, and workers that hold them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import torch

from tests.servers.checkpoints import sdxl
from tests.servers.checkpoints.lock import NAME, environment
from tests.servers.keyframes import Desk, adapter_file, faces, reference

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every set of this engine, and their lock."""
    root = tmp_path_factory.mktemp("sdxl")
    sdxl.build(root)
    faces(root)
    environment(root)
    return root


@pytest.fixture(scope="session")
def desk(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A worker for all tests, as a warm one is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VIVIJURE_WEIGHTS", str(weights))
        patch.setenv("VIVIJURE_WEIGHTS_LOCK", str(weights / NAME))
        yield Desk(tmp_path_factory.mktemp("desk"), "keyframe-sdxl")


@pytest.fixture(scope="session")
def inputs(weights: Path) -> Mapping[str, bytes]:
    """References and adapters of two people."""
    unet = sdxl.tiny_unet()
    return {
        "ref_ada_00": reference(1),
        "ref_bo_00": reference(2),
        "lora_ada": adapter_file(sdxl.lora(unet, scale=0.3, seed=2)),
        "lora_bo": adapter_file(sdxl.kohya(sdxl.lora(unet, scale=0.3, seed=3))),
    }
