"""Every engine that ships is described, and the descriptions hold together."""

import importlib
from importlib import resources
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from control.graph.builder import DEFAULT_ENGINES
from functions.catalog import Catalog, builtin, parse, weights
from functions.contract.base import StepKind
from functions.contract.manifest import EMPTY_DIGEST, DurationGrid

FILES = sorted(
    file.name.removesuffix(".toml")
    for file in resources.files("functions.catalog").iterdir()
    if file.name.endswith(".toml")
)
MINIMAL = """
name = "paint"
version = "1"
title = "Paint"
summary = "Paints."
kinds = ["keyframe"]
recipe = 1
[tiers.draft]
[[licences]]
what = "code"
name = "MIT"
commercial = "yes"
"""


def test_every_file_is_an_engine_of_its_own_name() -> None:
    assert list(builtin().engines) == FILES


@pytest.mark.parametrize("kind", get_args(StepKind))
def test_every_step_kind_has_an_engine(kind: StepKind) -> None:
    assert builtin().of_kind(kind)


@pytest.mark.parametrize("name", [m.name for m in builtin().engines.values() if m.entry])
def test_an_entry_names_a_class(name: str) -> None:
    module, _, attribute = builtin()[name].entry.partition(":")
    assert isinstance(getattr(importlib.import_module(module), attribute), type)


@pytest.mark.parametrize("name", FILES)
def test_a_manifest_says_what_a_person_must_know(name: str) -> None:
    manifest = builtin()[name]
    assert set(manifest.tiers) == {"draft", "standard", "final"}
    assert all(price.source and 0 < price.median_s <= price.bound_s for price in manifest.prices)
    assert all(price.tier is None or price.tier in manifest.tiers for price in manifest.prices)
    assert all(licence.note for licence in manifest.licences if licence.commercial != "yes")
    assert not manifest.needs.network or all(price.usd is not None for price in manifest.prices)
    assert all(s.width % manifest.size_multiple == 0 == s.height % manifest.size_multiple for s in manifest.sizes)


@pytest.mark.parametrize("name", [m.name for m in builtin().engines.values() if m.entry == ""])
def test_an_engine_without_code_in_this_release_has_a_price_hint_for_each_tier(name: str) -> None:
    manifest = builtin()[name]
    assert {tier for price in manifest.prices for tier in ([price.tier] if price.tier else manifest.tiers)} == set(
        manifest.tiers
    )


def test_price_hints_are_those_of_the_tier() -> None:
    manifest = builtin()["motion-veo"]
    assert [hint.usd for hint in manifest.hints("draft")] == [0.08]
    assert [hint.usd for hint in manifest.hints("final")] == [0.4]
    assert builtin()["interpolate-rife"].hints("final") == builtin()["interpolate-rife"].prices


def test_recipe_digests_are_those_of_the_locked_weights() -> None:
    lock = weights.builtin()
    stated = {
        (m.name, tier): spec.recipe_digest
        for m in builtin().engines.values()
        for tier, spec in m.tiers.items()
        if spec.recipe_digest != EMPTY_DIGEST
    }
    assert stated == {
        (name, tier): lock.recipe_digest(name, tier)
        for name, tiers in lock.tiers.items()
        for tier in tiers
        if lock.complete(name, tier)
    }


def test_the_lock_that_ships_is_made_of_the_one_that_people_edit() -> None:
    source = weights.parse(Path("images/weights.toml").read_text("utf-8"))
    assert weights.LOCK.read_text("utf-8") == weights.rendered(source), "run python -m functions.catalog.weights"


def test_every_set_says_its_terms_and_a_doubtful_one_why() -> None:
    for name, held in weights.builtin().sets.items():
        assert held.licence, name
        assert held.url.startswith("https://"), name
        assert held.note or held.commercial == "yes", name
        assert held.files or held.pending, name


ASKED_FOR = {"realesrgan-x2plus"}
"""Sets of no tier: a job's parameters name them (`Upscale.model`)."""


def test_the_lock_holds_no_set_that_nothing_loads() -> None:
    lock = weights.builtin()
    of_tiers = {name for tiers in lock.tiers.values() for sets in tiers.values() for name in sets}
    assert of_tiers.isdisjoint(ASKED_FOR)
    assert of_tiers | ASKED_FOR == set(lock.sets)


def test_a_recipe_digest_changes_with_the_content_of_one_file() -> None:
    lock = weights.builtin()
    whisper = lock.sets["whisper-tiny"]
    path, before = next(iter(whisper.files.items()))
    other = whisper.model_copy(
        update={"files": {**whisper.files, path: weights.LockedFile(sha256=before.sha256[::-1])}}
    )
    changed = lock.model_copy(update={"sets": {**lock.sets, "whisper-tiny": other}})
    assert changed.recipe_digest("lipsync-musetalk", "final") != lock.recipe_digest("lipsync-musetalk", "final")
    assert changed.recipe_digest("upscale-esrgan", "final") == lock.recipe_digest("upscale-esrgan", "final")


@pytest.mark.parametrize(
    ("name", "wanted", "given"),
    [
        ("motion-wan", 1, 5),
        ("motion-wan", 78, 81),
        ("motion-wan-small", 100, 101),
        ("motion-ltx", 122, 129),
        ("motion-ltx2", 257, 257),
        ("motion-cogvideox", 20, 49),
        ("motion-seedance", 97, 120),
        ("motion-kling", 10, 72),
        ("motion-veo", 100, 144),
        ("motion-veo", 145, 192),
    ],
)
def test_clip_lengths_lie_on_the_grid(name: str, wanted: int, given: int) -> None:
    assert builtin()[name].durations.round_up(wanted) == given


@pytest.mark.parametrize(("name", "frames"), [("motion-wan", 82), ("motion-cogvideox", 50), ("motion-veo", 193)])
def test_a_clip_beyond_the_longest_is_refused(name: str, frames: int) -> None:
    with pytest.raises(ValueError, match=f"{frames} frames are more than"):
        builtin()[name].durations.round_up(frames)


@pytest.mark.parametrize("name", [m.name for m in builtin().of_kind("motion")])
def test_the_shortest_and_longest_clips_are_on_the_grid(name: str) -> None:
    grid = builtin()[name].durations
    for frames in (grid.shortest, grid.longest):
        assert grid.round_up(frames) == frames
    assert grid.round_up(1) == grid.shortest


def test_the_catalog_digest_changes_with_its_content() -> None:
    before = Catalog({"paint": parse(MINIMAL)})
    after = Catalog({"paint": parse(MINIMAL.replace("recipe = 1", "recipe = 2"))})
    assert before.sha256 != after.sha256
    assert before.sha256 == Catalog({"paint": parse(MINIMAL)}).sha256


def test_an_unknown_field_is_refused_with_its_path() -> None:
    with pytest.raises(ValidationError) as refused:
        parse(MINIMAL + "[needs]\nvramgb = 4\n")
    assert refused.value.errors()[0]["loc"] == ("needs", "vramgb")
    assert refused.value.errors()[0]["type"] == "extra_forbidden"


def test_the_worst_licence_decides() -> None:
    verdicts = {m.name: m.commercial for m in builtin().engines.values()}
    assert verdicts["motion-wan"] == "yes"
    assert verdicts["motion-cogvideox"] == "disputed"
    assert "no" not in verdicts.values()


def test_no_engine_of_doubtful_licence_is_a_default() -> None:
    verdicts = {name: builtin()[name].commercial for name in DEFAULT_ENGINES.values()}
    assert set(verdicts.values()) == {"yes"}
    assert "face_restore" not in DEFAULT_ENGINES


def test_a_grid_without_steps_takes_any_length() -> None:
    assert DurationGrid().round_up(73) == 73


def test_an_engine_says_where_it_runs() -> None:
    runs = {m.name: m.runs for m in builtin().engines.values()}
    assert runs["animatic"] == runs["assemble"] == "here"
    assert runs["keyframe-sdxl"] == runs["motion-wan"] == "on a door with a GPU"
    assert runs["motion-veo"] == "no code in this release"
