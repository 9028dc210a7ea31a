"""Several figures in one picture: each kept to its own place, none in another's stead."""

from collections.abc import Mapping

import numpy as np
import pytest

from functions.contract.base import Size
from functions.keyframe_sdxl import regions
from functions.keyframe_sdxl.recipes import builtin
from tests.servers.checkpoints import sdxl
from tests.servers.keyframes import SMALL, Desk, adapter_file, cast, keyframe, worn

Inputs = Mapping[str, bytes]


def mask_of(name: str, *names: str) -> np.ndarray:
    """Where a figure's pass may paint."""
    box = next(s.box for s in regions.standing(cast(*names), SMALL) if s.figure.id == name)
    return regions.feathered(box, SMALL, builtin().passes.feather) > 0


@pytest.fixture(scope="module")
def both(desk: Desk, inputs: Inputs) -> np.ndarray:
    """Ada and Bo, each with an adapter."""
    return desk.make(keyframe("ada", "bo", adapters=worn("ada", "bo")), inputs)


def test_an_adapter_taken_away_changes_no_pixel_outside_its_figure(
    desk: Desk, inputs: Inputs, both: np.ndarray
) -> None:
    without = desk.make(
        keyframe("ada", "bo", adapters=worn("ada")), {n: d for n, d in inputs.items() if n != "lora_bo"}
    )
    bo = mask_of("bo", "ada", "bo")
    assert np.array_equal(both[~bo], without[~bo])
    assert not np.array_equal(both[bo], without[bo])


def test_the_weights_of_an_adapter_act_on_its_figure_alone(desk: Desk, inputs: Inputs, both: np.ndarray) -> None:
    """The same words throughout, so that what differs is what the network wore."""
    other = {**inputs, "lora_bo": adapter_file(sdxl.lora(sdxl.tiny_unet(), scale=0.3, seed=4))}
    changed = desk.make(keyframe("ada", "bo", adapters=worn("ada", "bo")), other)
    bo = mask_of("bo", "ada", "bo")
    assert np.array_equal(both[~bo], changed[~bo])
    assert not np.array_equal(both[bo], changed[bo])


def test_an_adapter_moved_to_another_changes_only_the_two(desk: Desk, inputs: Inputs) -> None:
    names = ("ada", "bo", "cy")
    ada, bo = worn("ada", "bo")
    first = desk.make(keyframe(*names, adapters=(ada, bo)), inputs)
    second = desk.make(keyframe(*names, adapters=(ada, bo.model_copy(update={"figure": "cy"}))), inputs)
    outside = ~(mask_of("bo", *names) | mask_of("cy", *names))
    assert outside.any()
    assert np.array_equal(first[outside], second[outside])
    assert not np.array_equal(first, second)


def test_each_figure_has_its_own_pass(desk: Desk, inputs: Inputs, both: np.ndarray) -> None:
    for name in ("ada", "bo"):
        others = tuple(a for a in worn("ada", "bo") if a.figure != name)
        given = {n: d for n, d in inputs.items() if n != f"lora_{name}"}
        own = mask_of(name, "ada", "bo")
        assert not np.array_equal(both[own], desk.make(keyframe("ada", "bo", adapters=others), given)[own])


def test_who_stands_in_front_hides_who_stands_behind() -> None:
    people = regions.standing(cast("bo", "cy", "ada"), Size(width=1344, height=768))
    assert [one.figure.id for one in people] == ["cy", "ada", "bo"]
    masks = [regions.feathered(one.box, Size(width=1344, height=768), 0.1) for one in people]
    apart = regions.apart(masks)
    assert np.stack(apart).sum(axis=0).max() <= 1 + 1e-6
    assert np.array_equal(apart[-1], masks[-1])


def test_the_camera_is_not_seen_and_the_shoulder_is_in_front() -> None:
    people = regions.standing(cast("ada", "bo", "cy", pov="ada", over="cy"), SMALL)
    assert [one.figure.id for one in people] == ["bo", "cy"]


def test_an_adapter_of_who_is_not_seen_is_said(desk: Desk, inputs: Inputs) -> None:
    given = {name: inputs[name] for name in ("lora_ada", "lora_bo")}
    asked = keyframe("ada", "bo", adapters=worn("ada", "bo"))
    result = desk.run(asked.model_copy(update={"composition": cast("ada", "bo", pov="bo")}), given)
    assert "figure_unseen" in {note.code for note in result.notes}


def test_five_people_are_as_welcome_as_two(desk: Desk, inputs: Inputs) -> None:
    crowd = cast("ada", "bo", "cy")
    more = tuple(f.model_copy(update={"id": f"{f.id}-two"}) for f in crowd.figures[:2])
    composition = crowd.model_copy(update={"figures": (*crowd.figures, *more)})
    adapters = (*worn("ada"), worn("bo")[0].model_copy(update={"figure": "bo-two"}))
    assert desk.make(keyframe(adapters=adapters).model_copy(update={"composition": composition}), inputs).std() > 5
