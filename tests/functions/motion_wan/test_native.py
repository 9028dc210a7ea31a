"""Experts in Wan's own names, in 16 bit, one file each: as the lock has them."""

from pathlib import Path

import pytest
import torch
from diffusers import WanTransformer3DModel
from safetensors.torch import load_file, save_file

from functions.catalog.weights import builtin
from functions.contract.base import Tier
from functions.models.names import wan_native
from functions.motion_wan.recipes import families
from tests.servers.checkpoints import wan
from tests.servers.checkpoints.lock import environment
from tests.servers.motion import Bench, motion, small

HEADER = 300_000
"""Bytes of a file that are no tensors, at most."""


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    """Two folders of the same weights, the experts in folders and in files."""
    torch.set_num_threads(1)
    folders, files = tmp_path / "folders", tmp_path / "files"
    for root in (folders, files):
        wan.distilled(root / "wan2.2-distill-loras")
    published = folders / "wan2.2-i2v-a14b"
    wan.a14b(published)
    for file in published.glob("transformer*/*.safetensors"):
        save_file({name: tensor.half() for name, tensor in load_file(file).items()}, file)
    wan.native(published, files / "wan2.2-i2v-a14b", files / "wan2.2-i2v-a14b-experts")
    return folders, files


@pytest.mark.parametrize("tier", ["draft", "final"])
def test_a_clip_is_the_same_from_either_layout(
    roots: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tier: Tier
) -> None:
    made = []
    for root in roots:
        for name, value in environment(root).items():
            monkeypatch.setenv(name, value)
        (tmp_path / f"worker-{root.name}").mkdir()
        bench = Bench(tmp_path / f"worker-{root.name}", small("motion-wan"))
        made.append(bench.run(motion(16, 5, tier=tier, steps=None if tier == "draft" else 3, seed=2)))
    assert [result.error for result in made] == [None, None]
    assert len({result.outputs["clip.mp4"].sha256 for result in made}) == 1
    held = [result.provenance.weights if result.provenance else {} for result in made]
    assert ["wan2.2-i2v-a14b-experts" in names for names in held] == [False, True]


def test_the_packaged_configuration_takes_the_bytes_of_the_published_files() -> None:
    native = families()["motion-wan"].native
    assert native is not None
    with torch.device("meta"):
        state = WanTransformer3DModel.from_config(native.transformer).state_dict()
    assert None not in {wan_native(name) for name in state}
    computed = sum(tensor.numel() for tensor in state.values()) * 2
    files = builtin().sets[native.weights].files
    assert set(files) == {native.high, native.low}
    for file in files.values():
        assert file.size is None or 0 < file.size - computed < HEADER
