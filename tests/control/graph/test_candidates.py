"""Several keyframes of one shot: all are made, the best goes on."""

from control.graph.model import Facts, OutputFacts, Plan, Recipe, slot
from control.graph.plan import plan_film
from control.storyboard import text
from functions.catalog import builtin
from tests.control.graph.conftest import Finish
from tests.servers.facts import make_all

BOARD = """
storyboard: 1
title: Candidates
scenes:
  - heading: INT. ROOM - DAY
    shots:
      - {id: one, action: A door opens., seconds: 2}
      - {id: two, action: It closes., seconds: 2, same_as: one}
"""
RECIPE = Recipe(engines={"keyframe": "keyframe-sdxl", "motion": "motion-wan"}, candidates=3)
PATHS = ["shot/one/keyframe", "shot/one/keyframe~2", "shot/one/keyframe~3"]


def planned(facts: Facts, board: str = BOARD, recipe: Recipe = RECIPE, takes: dict[str, str] | None = None) -> Plan:
    """The plan under these facts."""
    return plan_film(text.read(board.encode()).board, recipe, builtin(), facts=facts, uploads={}, takes=takes)


def scored(plan: Plan, facts: Facts, scores: dict[str, float | None]) -> Facts:
    """The facts, with the scores of some steps' pictures; steps that are not named are not made."""
    out = {}
    for path, score in scores.items():
        fp = plan.step(path).fingerprint or ""
        image = facts[fp]["image.png"]
        media = image.media.model_copy(update={"score": score})
        out[fp] = {"image.png": OutputFacts(**{**image.model_dump(), "media": media})}
    return out


def test_candidates_differ_by_seed_and_share_a_slot() -> None:
    steps = [s for s in planned({}).steps if s.kind == "keyframe" and s.shot == "one"]
    assert [s.path for s in steps] == PATHS
    assert len({s.fingerprint for s in steps}) == 3
    assert {slot(s.path) for s in steps} == {"shot/one/keyframe"}
    one = planned({}, recipe=RECIPE.model_copy(update={"candidates": 1})).step("shot/one/keyframe")
    assert one.fingerprint == steps[0].fingerprint


def test_the_best_goes_on_and_nothing_before_all_are_made() -> None:
    plan = planned({})
    facts = make_all(plan, {})
    some = scored(plan, facts, {PATHS[0]: 0.9, PATHS[1]: 0.2})
    assert planned(some).step("shot/one/motion").fingerprint is None
    decided = planned(scored(plan, facts, {PATHS[0]: 0.2, PATHS[1]: 0.3, PATHS[2]: 0.7}))
    motion = decided.step("shot/one/motion")
    assert motion.inputs["image"].step == PATHS[2]
    assert motion.fingerprint is not None
    assert {s.inputs["previous"].step for s in decided.steps if "previous" in s.inputs} == {PATHS[2]}


def test_of_equal_and_of_unscored_ones_the_first_goes_on() -> None:
    plan = planned({})
    facts = make_all(plan, {})
    for scores in ((0.4, 0.4, 0.4), (None, None, None), (None, 0.0, None)):
        found = planned(scored(plan, facts, dict(zip(PATHS, scores, strict=True))))
        assert found.step("shot/one/motion").inputs["image"].step == PATHS[0]


def test_a_film_of_candidates_settles(finished: Finish) -> None:
    plan, facts = finished(text.read(BOARD.encode()).board, RECIPE.model_copy(update={"engines": {}}))
    assert all(step.fingerprint in facts for step in plan.steps)
    assert sum(step.kind == "keyframe" for step in plan.steps) == 6


def test_a_keyframe_that_a_person_chose_and_a_seed_that_one_set_have_no_rivals() -> None:
    chosen = planned({}, BOARD.replace("id: one,", "id: one, takes: {keyframe: take1},"), takes={"take1": "f" * 64})
    assert [s.path for s in chosen.steps if s.kind == "keyframe" and s.shot == "one"] == PATHS[:1]
    assert chosen.step(PATHS[0]).fingerprint == "f" * 64
    fixed = planned({}, BOARD.replace("id: one,", "id: one, render: {keyframe: {params: {seed: 5}}},"))
    assert [s.path for s in fixed.steps if s.kind == "keyframe" and s.shot == "one"] == PATHS[:1]
