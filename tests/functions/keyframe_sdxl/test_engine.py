"""Keyframes through the real runtime, on tiny weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from functions.contract.base import Tier
from tests.servers.checkpoints import sdxl
from tests.servers.keyframes import Desk, adapter_file, keyframe, worn

Inputs = Mapping[str, bytes]


@pytest.mark.parametrize(
    ("tier", "steps"), [("draft", None), ("standard", None), ("final", 10)], ids=["draft", "standard", "final"]
)
def test_every_tier_makes_a_keyframe_with_two_adapters_and_references(
    desk: Desk, inputs: Inputs, tier: Tier, steps: int | None
) -> None:
    asked = keyframe("ada", "bo", tier=tier, steps=steps, adapters=worn("ada", "bo"))
    result = desk.run(asked, inputs)
    assert result.status == "done", result.error
    picture = desk.picture(result)
    assert picture.shape == (64, 128, 3)
    assert picture.std() > 5
    assert "realvisxl-v5" in result.provenance.weights


def test_the_same_job_gives_the_same_picture_and_another_seed_another(desk: Desk) -> None:
    first, again, other = (desk.make(keyframe(seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    "change",
    [
        {"adapters": worn("ada")},
        {"adapters": worn("ada", scale=500)},
        {"inputs": ("ref_ada_00",)},
        {"prompt": "a house"},
        {"negative": "people", "tier": "standard"},
        {"guidance": 6000, "tier": "standard"},
    ],
    ids=str,
)
def test_nothing_that_is_asked_for_is_ignored(desk: Desk, inputs: Inputs, change: dict[str, Any]) -> None:
    tier = change.get("tier", "draft")
    names = change.pop("inputs", [a.input for a in change.get("adapters", ())])
    plain = desk.make(keyframe("ada", tier=tier))
    assert not np.array_equal(plain, desk.make(keyframe("ada", **change), {name: inputs[name] for name in names}))
    assert np.array_equal(plain, desk.make(keyframe("ada", tier=tier)))


@pytest.mark.parametrize("names", [("ada",), ("ada", "bo")], ids=["alone", "with another"])
def test_what_an_adapter_holds_for_the_text_encoders_is_used(desk: Desk, names: tuple[str, ...]) -> None:
    own, heard = sdxl.lora(sdxl.tiny_unet()), sdxl.spoken(scale=2.0)
    asked = keyframe(*names, adapters=worn("ada"))
    mute, speaks, kohya = (
        desk.make(asked, {"lora_ada": adapter_file(state)}) for state in (own, own | heard, sdxl.kohya(own | heard))
    )
    assert np.array_equal(speaks, kohya)
    assert not np.array_equal(mute, speaks)
    assert np.array_equal(mute, desk.make(asked, {"lora_ada": adapter_file(own)}))
