"""Which pictures of people an engine is given."""

from control.graph.model import Plan, Recipe, Upload
from control.graph.plan import plan_film
from control.storyboard import text
from functions.catalog import builtin
from functions.contract.media import MediaFacts

BOARD = """
storyboard: 1
title: Portraits
cast:
  ada: {look: a, portrait: ada.png, refs: [coat.png]}
  ben: {look: b, portrait: ben.png}
  cy: {look: c}
scenes:
  - heading: INT. ROOM - DAY
    shots:
      - {id: both, action: They talk., who: {ada: {at: left}, ben: {at: right}, cy: {at: centre}}}
      - {id: back, action: She leaves., who: {ada: {facing: away}, ben: {}}}
      - {id: over, action: He listens., over: ada, who: {ada: {at: left}, ben: {at: right}}}
      - {id: again, same_as: both, action: They still talk.}
"""


def upload(letter: str) -> Upload:
    return Upload(sha256=letter * 64, suffix=".png", size=100, media=MediaFacts(type="image"))


UPLOADS = {"ada.png": upload("a"), "ben.png": upload("b"), "coat.png": upload("c")}


def planned(board: str = BOARD) -> Plan:
    return plan_film(text.read(board.encode()).board, Recipe(), builtin(), facts={}, uploads=UPLOADS)


def inputs(plan: Plan, path: str) -> set[str]:
    return set(next(s for s in plan.steps if s.path == path).inputs)


def test_the_animatic_takes_portraits_of_seen_faces_and_nothing_else() -> None:
    plan = planned()
    assert not [p for p in plan.problems if p.severity == "error"]
    for shot, wanted in (
        ("both", {"portrait_ada", "portrait_ben"}),
        ("back", {"portrait_ben"}),
        ("over", {"portrait_ben"}),
        ("again", {"portrait_ada", "portrait_ben"}),
    ):
        assert inputs(plan, f"shot/{shot}/keyframe") == wanted
        assert inputs(plan, f"shot/{shot}/motion") == {"image", "layers", *wanted}


def test_another_portrait_makes_only_that_persons_pictures_again() -> None:
    before, after = planned(), planned(BOARD.replace("portrait: ada.png", "portrait: coat.png"))
    old = {s.path: s.fingerprint for s in before.steps}
    changed = {s.path for s in after.steps if s.fingerprint != old[s.path]}
    assert {p for p in changed if p.endswith("keyframe")} == {"shot/both/keyframe", "shot/again/keyframe"}


def test_a_missing_portrait_is_told() -> None:
    plan = planned(BOARD.replace("portrait: ben.png", "portrait: nobody.png"))
    told = [p.path for p in plan.problems if "nobody.png" in p.message]
    assert "cast.ben.portrait" in told
