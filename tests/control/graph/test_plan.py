"""The example's graph: lengths, fingerprints, what an edit makes stale, and what it leaves alone."""

import json
from pathlib import Path

import pytest

from control.graph.model import OutputFacts, Plan, Recipe, Upload
from control.graph.plan import plan_film
from control.graph.sizes import before_upscale
from control.storyboard import text
from control.storyboard.models import Storyboard
from functions.catalog import Catalog, builtin
from functions.contract.base import Rate, Size, StepKind
from functions.contract.manifest import DurationGrid
from functions.contract.media import MediaFacts
from functions.contract.params import Assemble, Conform, Keyframe, Mix, Motion, Upscale
from tests.control.graph.conftest import Finish
from tests.servers.facts import facts_of

GOLDEN = Path(__file__).with_name("fingerprints.json")
PICTURES: tuple[StepKind, ...] = ("keyframe", "motion")


def stale(before: Plan, after: Plan) -> set[str]:
    """Paths whose artifact must be made again."""
    known = {s.fingerprint for s in before.steps}
    return {s.path for s in after.steps if s.fingerprint not in known}


def edited(board: Storyboard, path: str, value: object) -> Storyboard:
    """The board with one value replaced; `path` as `scenes.0.shots.1.action`."""
    values = text.long_form(board)
    here: object = values
    *parents, leaf = path.split(".")
    for step in parents:
        here = here[int(step)] if isinstance(here, list) else here.setdefault(step, {})  # type: ignore[attr-defined]
    if isinstance(here, list):
        here[int(leaf)] = value
    elif isinstance(here, dict):
        here[leaf] = value
    return text.validate(values)


def test_example_lasts_as_written(lighthouse: Storyboard, finished: Finish) -> None:
    plan, _ = finished(lighthouse)
    assert plan.frames == (45 + 4) * 24
    assert [s.frames for s in plan.shots] == [108, 168, 144, 96, 72, 108, 144, 120, 120]
    assert not [p for p in plan.problems if p.severity == "error"]
    assert all(s.fingerprint for s in plan.steps)


def test_fingerprints_are_the_same_everywhere(lighthouse: Storyboard, finished: Finish) -> None:
    plan, _ = finished(lighthouse)
    assert {s.path: s.fingerprint for s in plan.steps} == json.loads(GOLDEN.read_text())


def test_steps_come_after_what_they_need(lighthouse: Storyboard, finished: Finish) -> None:
    plan, _ = finished(lighthouse)
    seen: set[str] = set()
    for step in plan.steps:
        assert set(step.needs) <= seen
        seen.add(step.path)


def test_planning_again_makes_nothing(lighthouse: Storyboard, finished: Finish) -> None:
    plan, facts = finished(lighthouse)
    again, _ = finished(lighthouse, facts=facts)
    assert again == plan
    assert {s.fingerprint for s in again.steps} <= set(facts)


def test_action_edit_remakes_its_shot_and_the_cut(lighthouse: Storyboard, finished: Finish) -> None:
    before, facts = finished(lighthouse)
    after, _ = finished(edited(lighthouse, "scenes.1.shots.1.action", "Ivo puts the case down, hard."), facts=facts)
    assert stale(before, after) == {"shot/order/keyframe", "shot/order/motion", "shot/order/conform", "film"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("title", "Another Name"),
        ("music.0.level", -12.0),
        ("music", []),
        ("end.fade-out", 0.5),
        ("places.rock.ambience", "rain on stone"),
        ("scenes.2.ambience", "none"),
        ("scenes.0.shots.0.via", {"kind": "fade-in", "seconds": 1.0}),
        ("scenes.1.shots.1.via", {"kind": "dissolve", "seconds": 1.0}),
        ("scenes.1.shots.2.via", {"kind": "dip-black", "seconds": 0.6}),
        ("scenes.1.shots.0.j_cut", 0.2),
        ("scenes.0.shots.0.l_cut", 0.5),
        ("scenes.1.shots.2.trim_in", 0.1),
        ("scenes.1.shots.2.super", {"text": "Later"}),
        ("scenes.2.shots.0.sfx", []),
        ("scenes.1.shots.2.notes", [{"id": "n1", "text": "hold longer?"}]),
        ("scenes.1.shots.2.lock", ["words"]),
        ("scenes.1.shots.3.omit", True),
    ],
)
def test_sound_cut_and_note_edits_make_no_picture(
    lighthouse: Storyboard, finished: Finish, path: str, value: object
) -> None:
    before, facts = finished(lighthouse)
    after, _ = finished(edited(lighthouse, path, value), facts=facts)
    remade = stale(before, after)
    assert not {p for p in remade if p.endswith(PICTURES)}
    if path.endswith(("notes", "lock")):
        assert not remade
    else:
        assert "film" in remade


def test_dissolve_keeps_the_length_and_says_what_it_holds(lighthouse: Storyboard, finished: Finish) -> None:
    board = edited(lighthouse, "scenes.1.shots.1.via", {"kind": "dissolve", "seconds": 1.0})
    plan, _ = finished(board)
    assert plan.frames == 49 * 24
    part = plan.step("shot/order/conform").params
    assert isinstance(part, Conform)
    assert (part.head.via, part.head.frames, part.start, part.frames) == ("dissolve", 24, -12, 144 + 12)
    assert plan.step("shot/order/conform").inputs["previous"].step == "shot/steps/motion"
    assert any(p.path == "order.via" and "holds" in p.message for p in plan.problems)


def test_segments_add_up_to_the_film(lighthouse: Storyboard, finished: Finish) -> None:
    plan, _ = finished(lighthouse)
    film = plan.step("film")
    assert isinstance(film.params, Assemble)
    parts = [plan.step(film.inputs[name].step or "") for name in film.params.segments]
    assert sum(p.params.frames for p in parts if isinstance(p.params, Conform)) == film.params.frames == plan.frames


def test_long_lines_stretch_their_shot_and_say_so(lighthouse: Storyboard, finished: Finish) -> None:
    long = " ".join(["and on it goes"] * 8)
    board = edited(lighthouse, "scenes.1.shots.2.lines.0.text", long)
    plan, _ = finished(board)
    shot = next(s for s in plan.shots if s.id == "question")
    assert shot.frames > 96
    assert shot.stretched_by == board.shot("question").lines[0].id
    exact = edited(board, "scenes.1.shots.2.exact", True)
    assert any(p.path == "question.exact" for p in finished(exact)[0].problems)


def test_slightly_long_lines_are_hurried(lighthouse: Storyboard, finished: Finish) -> None:
    eight = "one two three four five six seven eight nine"
    plan, _ = finished(edited(lighthouse, "scenes.1.shots.2.lines.0.text", eight))
    fit = [s for s in plan.steps if s.path.endswith("/fit")]
    assert [s.shot for s in fit] == ["question"]
    assert next(s for s in plan.shots if s.id == "question").frames == 96


def test_recipe_limits_what_is_planned(lighthouse: Storyboard, finished: Finish) -> None:
    stills, _ = finished(lighthouse, Recipe(target="keyframes"))
    assert {s.kind for s in stills.steps} == {"keyframe", "dialogue"}
    clips, _ = finished(lighthouse, Recipe(target="clips"))
    assert {s.kind for s in clips.steps} == {"keyframe", "motion", "dialogue"}
    one, _ = finished(lighthouse, Recipe(only=("2C",)))
    assert [s.id for s in one.shots] == ["question"]
    assert one.frames > 0


def test_same_set_up_shares_its_seed(lighthouse: Storyboard, finished: Finish) -> None:
    plan, _ = finished(lighthouse)
    seeds = {i: plan.step(f"shot/{i}/keyframe").params for i in ("beam", "dark", "relight", "order")}
    beam, dark, relight, order = (p.seed for p in seeds.values() if isinstance(p, Keyframe))
    assert beam == dark == relight != order


def test_delivery_follows_the_aspect(lighthouse: Storyboard, finished: Finish) -> None:
    for aspect, size, picture in (
        ("9:16", (720, 1280), (720, 1280)),
        ("1:1", (720, 720), (720, 720)),
        ("4:3", (960, 720), (960, 720)),
        ("2.39:1", (1280, 720), (1280, 536)),
    ):
        plan, _ = finished(edited(lighthouse, "aspect", aspect))
        assert (plan.size.width, plan.size.height) == size
        motion = plan.step("shot/beam/motion").params
        assert isinstance(motion, Motion)
        assert (motion.size.width, motion.size.height) == picture


def test_missing_files_are_named(lighthouse: Storyboard) -> None:
    board = edited(lighthouse, "scenes.1.shots.2.keyframe", "art/question.png")
    plan = plan_film(board, Recipe(), builtin(), facts={}, uploads={})
    assert any("art/question.png" in p.message and p.severity == "error" for p in plan.problems)
    image = Upload(sha256="a" * 64, suffix="png", size=10, media=MediaFacts(type="image", width=64, height=64))
    plan = plan_film(board, Recipe(), builtin(), facts={}, uploads={"art/question.png": image})
    assert plan.step("shot/question/motion").inputs["image"].upload == image
    assert not any(s.path == "shot/question/keyframe" for s in plan.steps)


def test_engines_with_a_grid_are_asked_for_its_lengths(lighthouse: Storyboard, finished: Finish) -> None:
    known = builtin()
    wan = known["motion-wan"]
    plan, _ = finished(lighthouse, Recipe(engines={"motion": "motion-wan"}))
    for step in plan.steps:
        if isinstance(step.params, Motion):
            assert step.params.rate in wan.rates
            assert (step.params.frames - wan.durations.base) % wan.durations.step == 0
            assert step.params.prompt
            assert step.params.prompt.count('"') == 0
    long = [p for p in plan.problems if p.severity == "error"]
    assert {p.path for p in long} >= {"steps.seconds"}


def test_chosen_take_pins_its_step(lighthouse: Storyboard, finished: Finish) -> None:
    _, facts = finished(lighthouse)
    other, more = finished(edited(lighthouse, "scenes.1.shots.1.seed", 7), facts=facts)
    board = edited(lighthouse, "scenes.1.shots.1.takes", {"motion": "take1"})
    pinned = {"take1": other.step("shot/order/motion").fingerprint or ""}
    plan, _ = finished(board, facts=more, takes=pinned)
    assert plan.step("shot/order/motion").fingerprint == pinned["take1"]
    assert plan.step("shot/order/conform").fingerprint == other.step("shot/order/conform").fingerprint


def test_finish_chain_acts_in_order(lighthouse: Storyboard, finished: Finish) -> None:
    engines: dict[StepKind, str] = {
        "motion": "motion-cogvideox",
        "upscale": "upscale-esrgan",
        "interpolate": "interpolate-rife",
        "lipsync": "lipsync-musetalk",
    }
    board = edited(lighthouse, "scenes.1.shots.1.seconds", 4)
    plan, _ = finished(board, Recipe(engines=engines))
    chain = [s.kind for s in plan.steps if s.shot == "order" and s.kind in engines]
    assert chain == ["motion", "interpolate", "lipsync", "upscale"]
    assert plan.step("shot/order/conform").inputs["clip"].step == "shot/order/upscale"
    assert not any(s.path == "shot/beam/lipsync" for s in plan.steps)


def test_lines_are_cleaned_before_mouths_and_mix_where_the_recipe_says_so(
    lighthouse: Storyboard, finished: Finish
) -> None:
    cleaner, lips = "speech-enhance-plain", {"lipsync": "lipsync-musetalk", "speech_enhance": "speech-enhance-plain"}
    plain, _ = finished(lighthouse)
    plan, _ = finished(lighthouse, Recipe(engines=lips))  # type: ignore[arg-type]
    cleaned = [s for s in plan.steps if s.kind == "speech_enhance"]
    assert len(cleaned) == sum(s.kind == "dialogue" for s in plan.steps) > 0
    assert {s.engine for s in cleaned} == {cleaner}
    for step in cleaned:
        assert step.inputs["line.wav"].step == step.path.removesuffix("/clean")
    paths = {s.path for s in cleaned}
    heard = [s for s in plan.steps if s.kind in ("mix", "lipsync")]
    spoken = [i.step for s in heard for i in s.inputs.values() if i.step and "/line/" in i.step]
    assert spoken
    assert set(spoken) <= paths
    assert not any(s.kind == "speech_enhance" for s in plain.steps)


def test_clip_that_is_enlarged_is_made_smaller_and_in_the_same_shape(lighthouse: Storyboard, finished: Finish) -> None:
    plan, _ = finished(lighthouse, Recipe(engines={"upscale": "upscale-esrgan"}))
    motion, upscale = (plan.step(f"shot/order/{kind}").params for kind in ("motion", "upscale"))
    assert isinstance(motion, Motion)
    assert isinstance(upscale, Upscale)
    assert (motion.size, upscale.size) == (Size(width=640, height=360), Size(width=1280, height=720))


def test_finish_steps_with_nothing_to_do_are_left_out(lighthouse: Storyboard, finished: Finish) -> None:
    plan, _ = finished(lighthouse, Recipe(engines={"interpolate": "interpolate-flow"}))
    assert not any(s.kind == "interpolate" for s in plan.steps)


@pytest.mark.parametrize(
    ("delivered", "engine", "made"),
    [
        ((1920, 1080), "motion-wan", (1280, 720)),
        ((1280, 720), "motion-wan", (832, 468)),
        ((512, 320), "motion-ltx", None),
        ((1280, 720), "animatic", (640, 360)),
    ],
)
def test_size_before_an_upscaler(delivered: tuple[int, int], engine: str, made: tuple[int, int] | None) -> None:
    width, height = delivered
    found = before_upscale(Size(width=width, height=height), builtin()[engine])
    assert (found and (found.width, found.height)) == made


def test_unknown_engine_is_a_problem(lighthouse: Storyboard) -> None:
    plan = plan_film(lighthouse, Recipe(engines={"motion": "nonesuch"}), builtin(), facts={}, uploads={})
    assert any("nonesuch" in p.message for p in plan.problems)


def test_music_stays_under_words(lighthouse: Storyboard, finished: Finish) -> None:
    plan, _ = finished(lighthouse)
    mix = plan.step("film/mix").params
    assert isinstance(mix, Mix)
    for music in (p for p in mix.placements if p.stem == "mx"):
        for start, end in mix.speech:
            if start < music.at + music.length and end > music.at:
                level = next(g.level for g in reversed(music.envelope) if g.at <= max(start, music.at))
                assert music.level + music.gain + level <= -160 - 100


def test_rates_and_grids_never_fall_short() -> None:
    grid = DurationGrid(base=1, step=4, shortest=5, longest=81)
    assert [grid.round_up(n) for n in (1, 5, 6, 81)] == [5, 5, 9, 81]
    with pytest.raises(ValueError, match="more than"):
        grid.round_up(82)
    assert Rate(num=30_000, den=1001).samples(30) == 48_048


def test_catalog_change_changes_only_its_own_steps(lighthouse: Storyboard, finished: Finish) -> None:
    before, facts = finished(lighthouse)
    known = dict(builtin().engines)
    known["animatic"] = known["animatic"].model_copy(update={"recipe": known["animatic"].recipe + 1})
    after, _ = finished(lighthouse, facts=facts, catalog=Catalog(known))
    kinds = {after.step(p).kind for p in stale(before, after)}
    assert kinds == {"keyframe", "motion", "conform", "assemble"}


STRETCHED = """\
storyboard: 1
title: Stretched
cast:
  ada: {look: "long coat", voice: {preset: light}}
music:
  - {id: low, prompt: "one low note, held", from: one, to: end}
scenes:
  - id: s1
    heading: INT. ROOM - NIGHT
    shots:
      - {id: one, seconds: 2, action: "A room.", who: {ada: left}, lines: [{ada: "Who is there?"}]}
      - {id: two, seconds: 1, action: "She listens.", who: {ada: left}, via: {dissolve: 2},
         lines: [{ada: "I said, who is there, and I will not say it again."}]}
      - {id: three, seconds: 1, action: "A door.", via: {dissolve: 1}}
"""


@pytest.mark.parametrize("word", [6_000, 40_000])
@pytest.mark.parametrize("captions", ["sidecar", "burned"])
def test_a_fingerprint_once_given_stays(captions: str, word: int) -> None:
    board = text.read(STRETCHED.encode()).board
    recipe = Recipe.model_validate({"captions": captions})
    given: dict[str, str] = {}
    known: dict[str, dict[str, OutputFacts]] = {}
    for _ in range(40):
        plan = plan_film(board, recipe, builtin(), facts=known, uploads={})
        now = {s.path: s.fingerprint for s in plan.steps if s.fingerprint}
        assert {path: fp for path, fp in now.items() if given.get(path, fp) != fp} == {}
        given |= now
        new = next((s for s in plan.steps if s.fingerprint and s.fingerprint not in known), None)
        if new is None:
            return
        known[new.fingerprint or ""] = facts_of(new, word)  # the facts come in one at a time
    raise AssertionError("the plan does not settle")
