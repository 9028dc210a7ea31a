"""Storyboards for property tests: every field, awkward words, references that resolve."""

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from control.storyboard import text
from control.storyboard.models import ASPECTS, Storyboard
from control.storyboard.scalars import clean
from control.storyboard.shot import TRANSITION_SECONDS
from functions.contract import params

Values = dict[str, Any]
WORDS = (
    "the lamp turns Maren IVO BANG café 12 (beat) (quiet) * ** _so_ \\ \\* [[ ]] [a]] /* */ // ^ # #12A# = > < ! @ ~ "
    "INT. EXT. CUT TO: FADE OUT. CONT'D V.O. “quoted” — … ; : & <b> naïve 海 \u2028 \u00a0 vj SOUND: {} \" ' X's POV: "
    "CLOSE ON INSERT - OVER WIDE: Title: === null true"
).split(" ")
raw = st.text(st.sampled_from("abzAZ09 .,:;-–—'’\"()[]{}<>*_/\\^~#@!=>&%|é\u0301\u00a0\u2028海𝄞"), max_size=8)


def words(most: int, letters: int, least: int = 0) -> st.SearchStrategy[str]:
    """Awkward text of at most so many words and letters once it is cleaned."""
    row = st.lists(st.sampled_from(WORDS) | raw, min_size=min(least, 1), max_size=min(most, 6)).map(" ".join)
    lined = st.tuples(row, row).map("\n".join) if most > 12 else row

    def fits(value: str) -> bool:
        return len(value.split()) <= most and len(value) * 2 <= letters and (not least or bool(clean(value)))

    return (row | lined).filter(fits)


def sometimes(required: Values, optional: Values) -> st.SearchStrategy[Values]:
    """A map in which the optional fields may be left out."""
    return st.fixed_dictionaries(required, optional=optional)


def seconds(least: float, most: float) -> st.SearchStrategy[float]:
    """Hundredths of a second in this range."""
    return st.integers(round(least * 100), round(most * 100)).map(lambda n: n / 100)


def choice(literal: Any) -> st.SearchStrategy[str]:
    """A value of a `Literal`."""
    return st.sampled_from(literal.__args__)


class Ids:
    """Fresh ids, each given once, and text for a reference to one of several."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def fresh(self, draw: st.DrawFn) -> str:
        """An id that no other part has."""
        stem = draw(st.sampled_from(["a", "shot", "x-", "int", "maren", "b2-"]))
        found = stem if stem not in self._given else f"{stem}{len(self._given)}"
        self._given.add(found)
        return found


file = st.sampled_from(["art/one.png", "a b.wav", "[[x]].png"])
short = words(20, 120)
adapter_params = st.dictionaries(st.sampled_from(["steps", "scale"]), st.integers(0, 50) | st.booleans(), max_size=2)
override = sometimes(
    {},
    {
        "engine": st.just("motion-wan"),
        "tier": st.sampled_from(["draft", "final"]),
        "params": adapter_params,
        "prompt": words(30, 400),
        "avoid": words(30, 400),
    },
)
voice = sometimes(
    {}, {"preset": words(3, 60), "pace": seconds(0.7, 1.3), "pitch": seconds(-6, 6), "manner": words(20, 400)}
)


@st.composite
def notes(draw: st.DrawFn, ids: Ids, lines: Sequence[str] = ()) -> list[Values]:
    """Up to two remarks."""
    made = []
    for _ in range(draw(st.integers(0, 2))):
        optional = {"at": seconds(0, 60), "author": short, "resolved": st.booleans()}
        optional |= {"line": st.sampled_from(lines)} if lines else {}
        made.append(draw(sometimes({"id": st.just(ids.fresh(draw)), "text": words(20, 400)}, optional)))
    return made


@st.composite
def line(draw: st.DrawFn, ids: Ids, cast: Sequence[str]) -> Values:
    """A line or a beat."""
    name = ids.fresh(draw)
    if not cast or draw(st.integers(0, 3)) == 0:
        return {"id": name, "beat": draw(st.sampled_from([0.8, 1.5, 2.5]) | seconds(0.1, 10))}
    return draw(
        sometimes(
            {"id": st.just(name), "who": st.sampled_from(cast), "text": words(20, 300, 1)},
            {
                "how": short | st.sampled_from(["beat", "quiet", "V.O.", "on phone"]),
                "voice": choice(params.VoiceKind),
                "pace": seconds(0.5, 2),
                "pause": seconds(0, 10),
                "overlap": seconds(0, 3),
                "at": seconds(0, 60),
            },
        )
    )


@st.composite
def shot(draw: st.DrawFn, ids: Ids, cast: Sequence[str], props: Sequence[str], before: Sequence[str]) -> Values:
    """A shot with any of its fields."""
    name = ids.fresh(draw)
    lines = [draw(line(ids, cast)) for _ in range(draw(st.integers(0, 4)))]
    sounds = [_sound(draw, ids) for _ in range(draw(st.integers(0, 2)))]
    optional: Values = {
        "size": choice(params.ShotSize),
        "angle": choice(params.Angle),
        "lens": choice(params.Lens),
        "focus": choice(params.Focus),
        "camera": sometimes(
            {}, {"move": choice(params.Move), "speed": choice(params.Speed), "rig": choice(params.Rig), "to": short}
        ),
        "compose": words(15, 120),
        "light": short,
        "carry": words(15, 120),
        "keyframe": file,
        "end_frame": file | st.just("next"),
        "refs": st.lists(file, max_size=2),
        "from_previous": st.booleans(),
        "seconds": seconds(0.5, 60),
        "exact": st.booleans(),
        "j_cut": seconds(0, 3),
        "l_cut": seconds(0, 3),
        "via": st.sampled_from([k for k in TRANSITION_SECONDS if k != "cut"]).flatmap(
            lambda kind: st.fixed_dictionaries({"kind": st.just(kind), "seconds": seconds(0.1, 3)})
        ),
        "super": sometimes({"text": words(20, 300, 1)}, {"at": st.sampled_from(["lower", "centre", "upper"])}),
        "seed": st.integers(0, 2**53 - 1),
        "takes": st.dictionaries(st.sampled_from(["keyframe", "motion"]), st.just("01ABC"), max_size=2),
        "trim_in": seconds(0, 60),
        "render": st.dictionaries(st.sampled_from(["keyframe", "motion"]), override, max_size=2),
        "lock": st.lists(st.sampled_from(["words", "picture", "timing", "all"]), max_size=2),
        "omit": st.booleans(),
    }
    if cast:
        facing = st.sampled_from(["camera", "away", "left", "right", *cast])
        blocking = sometimes(
            {},
            {
                "at": choice(params.At),
                "depth": choice(params.Depth),
                "facing": facing,
                "pose": choice(params.Pose),
                "moves": choice(params.Moves),
                "wardrobe": short,
            },
        )
        optional["who"] = st.dictionaries(st.sampled_from(cast), blocking, max_size=3)
        optional[draw(st.sampled_from(["over", "pov"]))] = st.sampled_from(cast)
    optional |= {"props": st.lists(st.sampled_from(props), max_size=2)} if props else {}
    optional |= {"same_as": st.sampled_from(before)} if before else {}
    made = draw(sometimes({"id": st.just(name), "action": words(50, 2000, 1)}, optional))
    said = [entry["id"] for entry in lines]
    remarks = draw(notes(ids, said))
    return made | {"lines": lines, "sfx": sounds, "notes": remarks}


def _sound(draw: st.DrawFn, ids: Ids) -> Values:
    what = draw(st.sampled_from(["sound", "file", "both"]))
    made: Values = {"id": ids.fresh(draw)}
    made |= {"sound": draw(words(12, 120, 1))} if what != "file" else {}
    made |= {"file": draw(file)} if what != "sound" else {}
    extra = {"at": seconds(0, 60), "level": seconds(-40, 12), "loop": st.booleans(), "caption": st.booleans()}
    return made | draw(sometimes({}, extra))


@st.composite
def scene(draw: st.DrawFn, ids: Ids, cast: Sequence[str], places: Sequence[str], props: Sequence[str]) -> Values:
    """A scene without its shots."""
    optional: Values = {
        "number": st.sampled_from(["1", "12A", "0042ZZ", "7"]),
        "heading": short | st.sampled_from(["INT. LAMP ROOM - NIGHT", "EXT. ROCK", "int. x", "LATER", ".5", "#1#"]),
        "light": short,
        "ambience": short | st.just("none"),
    }
    optional |= {"place": st.sampled_from(places)} if places else {}
    optional |= {"wardrobe": st.dictionaries(st.sampled_from(cast), short, max_size=2)} if cast else {}
    made = draw(sometimes({"id": st.just(ids.fresh(draw))}, optional))
    return made | {"notes": draw(notes(ids))}


@st.composite
def boards(draw: st.DrawFn) -> Storyboard:
    """A storyboard with up to three scenes of up to three shots."""
    ids = Ids()
    cast = [ids.fresh(draw) for _ in range(draw(st.integers(0, 3)))]
    places = [ids.fresh(draw) for _ in range(draw(st.integers(0, 2)))]
    props = [ids.fresh(draw) for _ in range(draw(st.integers(0, 2)))]
    member = sometimes(
        {},
        {
            "name": short | st.sampled_from(["Maren", "Ivo", "McGregor", "Maren", *cast]),
            "look": words(30, 400),
            "wardrobe": short,
            "voice": voice,
            "portrait": file,
            "refs": st.lists(file, max_size=3),
            "use": words(2, 60),
            "colour": st.sampled_from(["indigo", "#aabbcc"]),
        },
    )
    scenes: list[Values] = []
    before: list[str] = []
    for _ in range(draw(st.integers(0, 3))):
        made = draw(scene(ids, cast, places, props))
        shots = []
        for _ in range(draw(st.integers(0, 3))):
            shots.append(draw(shot(ids, cast, props, tuple(before))))
            before.append(shots[-1]["id"])
        scenes.append(made | {"shots": shots})
    values = draw(sometimes({}, _film(before)))
    values |= {"cast": {who: draw(member) for who in cast}}
    values |= {"places": {p: draw(sometimes({}, {"look": words(30, 400), "ambience": short})) for p in places}}
    values |= {
        "props": {p: draw(sometimes({}, {"look": words(30, 400), "refs": st.lists(file, max_size=2)})) for p in props}
    }
    values |= {"scenes": scenes, "music": _music(draw, ids, before), "notes": draw(notes(ids))}
    return text.validate(values)


def _film(shots: Sequence[str]) -> Values:
    over = {"over": st.sampled_from(shots)} if shots else {}
    opening = sometimes({"text": short}, {"sub": short, "at": seconds(0, 60), "seconds": seconds(0.5, 30), **over})
    credits = sometimes({"lines": st.lists(short, min_size=1, max_size=3)}, {"seconds": seconds(1, 60)})
    return {
        "title": short,
        "aspect": st.sampled_from(sorted(ASPECTS)),
        "fps": st.sampled_from([24, 25, 30]),
        "style": words(30, 400),
        "avoid": words(20, 400),
        "palette": st.lists(st.sampled_from(["indigo", "#102030"]), max_size=6),
        "pronounce": st.dictionaries(st.sampled_from(["Maren", "[[", "skerry"]), short, max_size=2),
        "titles": sometimes({}, {"open": opening, "credits": credits}),
        "end": sometimes({}, {"fade-out": st.just(1.5) | seconds(0, 10)}),
        "reserved": st.lists(st.just("old-shot"), max_size=1),
    }


def _music(draw: st.DrawFn, ids: Ids, shots: Sequence[str]) -> list[Values]:
    if not shots or not draw(st.booleans()):
        return []
    start = draw(st.sampled_from(shots)) + draw(st.sampled_from(["", "+1.3", "+0.125"]))
    extra = {"level": seconds(-30, 6), "in": seconds(0, 30), "out": seconds(0, 30), "duck": st.booleans()}
    words_or_file = {"prompt": draw(words(12, 120, 1))} if draw(st.booleans()) else {"file": draw(file)}
    return [{"id": ids.fresh(draw), "from": start, "to": "end", **words_or_file, **draw(sometimes({}, extra))}]
