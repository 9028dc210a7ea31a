"""Canonical JSON and fingerprints have the same bytes everywhere and for ever."""

import hashlib
import json
import math
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from functions.contract.base import Rate, Size
from functions.contract.canonical import canonical, digest, fingerprint
from functions.contract.params import Camera, Dialogue, Keyframe, Motion, Sound, Voice

SIZE = Size(width=1280, height=720)
GOLDEN: dict[str, tuple[dict[str, Any], str]] = {
    "keyframe": (
        {
            "kind": "keyframe",
            "engine": "animatic",
            "params": Keyframe(prompt="A lighthouse at dusk", size=SIZE, seed=7),
        },
        "cabb976b6ee5515c052eafa5c9f73cae05a6a3d33592a11854c32cf3013f72a0",
    ),
    "motion": (
        {
            "kind": "motion",
            "engine": "animatic",
            "params": Motion(size=SIZE, frames=96, rate=Rate(num=24000, den=1001), camera=Camera(move="push")),
            "inputs": {"image": f"fp:{'a' * 64}/image.png"},
        },
        "9fdcbccc24a2fe5f55f8b62a85f6e64c85ee77cf0ca69e5a254ba7156376388f",
    ),
    "dialogue": (
        {
            "kind": "dialogue",
            "engine": "voice-piper",
            "params": Dialogue(text="Café – “naïve” 灯台 \U0001f5fc", how="whispering", voice=Voice(pitch=-120)),
            "take": 3,
        },
        "42a6a164ca75569c05809863b7f892eee550834a1a8ef5bef0f27e5c108bd6ef",
    ),
    "sound": (
        {"kind": "sound", "engine": "sound-synth", "params": Sound(prompt="sea", samples=480_000)},
        "5ab4240f3a10535ec19aea2ac7a0a91ca6465d02ca11fd44d18373b432de0258",
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_fingerprint_is_golden(name: str) -> None:
    given, wanted = GOLDEN[name]
    assert fingerprint(**{"recipe": 1, "recipe_digest": "0" * 64, "inputs": {}, **given}) == wanted


def test_fingerprint_is_the_hash_of_these_bytes() -> None:
    text = (
        '{"engine":"sound-synth","inputs":{},"kind":"sound","params":{"prompt":"sea","samples":480000},'
        f'"recipe":1,"recipe_digest":"{"0" * 64}","take":0}}'
    )
    assert hashlib.sha256(text.encode()).hexdigest() == GOLDEN["sound"][1]


def test_fields_equal_to_their_default_do_not_enter() -> None:
    plain = Keyframe(size=SIZE)
    said = Keyframe(size=SIZE, prompt="", seed=0, numerics="any", adapters=())
    assert made(plain) == made(said)


def made(params: Keyframe, **changes: Any) -> str:
    """A fingerprint."""
    values = {"kind": "keyframe", "engine": "e", "recipe": 1, "recipe_digest": "0" * 64, "inputs": {}, **changes}
    return fingerprint(params=params, **values)


CHANGES: list[dict[str, Any]] = [
    {"kind": "motion"},
    {"engine": "f"},
    {"recipe": 2},
    {"recipe_digest": "1" * 64},
    {"take": 1},
    {"inputs": {"previous": f"sha256:{'0' * 64}"}},
]


@pytest.mark.parametrize("change", CHANGES)
def test_all_that_decides_enters(change: dict[str, Any]) -> None:
    assert made(Keyframe(size=SIZE), **change) != made(Keyframe(size=SIZE))


def test_order_of_inputs_does_not_enter() -> None:
    one, two = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
    params = Keyframe(size=SIZE)
    assert made(params, inputs={"a": one, "b": two}) == made(params, inputs={"b": two, "a": one})


# Vectors of RFC 8785, sections 3.2.2 to 3.2.4 and appendix B.
VECTORS = [
    ({"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "ö": 7},
     '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"\U0001f600":5,"\ufb33":3}'),
    ([333333333.33333329, 1e30, 4.50, 2e-3, 1e-27], "[333333333.3333333,1e+30,4.5,0.002,1e-27]"),
    ("\u20ac$\u000f\nA'B\"\\\\\"/", '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'),
    ([None, True, False, -0.0, 0], "[null,true,false,0,0]"),
    (9007199254740991, "9007199254740991"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "text"), VECTORS)
def test_canonical_form_is_that_of_rfc_8785(value: object, text: str) -> None:
    assert canonical(value).decode() == text


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, {1: "x"}, "\ud800"])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(rfc8785.CanonicalizationError):
        canonical(value)


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(JSON_VALUES)
def test_the_quick_way_writes_what_the_library_writes(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(JSON_VALUES)
def test_canonical_form_survives_parsing(value: object) -> None:
    text = canonical(value)
    assert canonical(json.loads(text)) == text
    assert digest(value) == digest(json.loads(text))
