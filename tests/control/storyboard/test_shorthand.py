"""Each short form and its long form are the same storyboard."""

import pytest

from control.storyboard import text
from control.storyboard.models import Shot
from control.storyboard.shorthand import SIZES

CAST = "cast: {maren: {name: Old Maren}, ivo: {}}\nprops: {lamp: a brass lamp}\n"


def shot(written: str) -> Shot:
    board = text.read(f"title: x\n{CAST}scenes:\n- shots:\n  - id: a\n    action: x\n    {written}\n").board
    return board.shot("a").model_copy(
        update={
            "lines": tuple(line.model_copy(update={"id": f"l{n}"}) for n, line in enumerate(board.shot("a").lines)),
            "sfx": tuple(sfx.model_copy(update={"id": f"x{n}"}) for n, sfx in enumerate(board.shot("a").sfx)),
            "notes": tuple(note.model_copy(update={"id": f"n{n}"}) for n, note in enumerate(board.shot("a").notes)),
        }
    )


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("camera: push", "camera: {move: push}"),
        ("via: dissolve", "via: {kind: dissolve, seconds: 1.0}"),
        ("via: {fade-in: 1.5}", "via: {kind: fade-in, seconds: 1.5}"),
        ("via: {dip-white: }", "via: {kind: dip-white, seconds: 0.6}"),
        ("via: cut", "via: {kind: cut}"),
        ("who: {maren: left}", "who: {maren: {at: left}}"),
        ("who: [maren, ivo]", "who: {maren: {}, ivo: {}}"),
        ("who: maren", "who: {maren: {}}"),
        ("size: MCU", "size: medium-close"),
        ("props: lamp", "props: [lamp]"),
        ("lock: words", "lock: [words]"),
        ("super: Later", "super: {text: Later}"),
        ("notes: hm", "notes: [{text: hm}]"),
        ("sfx: [heavy switch, {bell: 1.2}]", "sfx: [{sound: heavy switch}, {sound: bell, at: 1.2}]"),
        ('lines: [{maren (quiet): "text"}]', "lines: [{who: maren, how: quiet, text: text}]"),
        ("lines: [{ivo (O.S.): a}]", "lines: [{who: ivo, voice: os, text: a}]"),
        ('lines: [{"ivo (V.O., slow)": b}]', "lines: [{who: ivo, voice: vo, how: slow, text: b}]"),
        ("lines: [{beat: 0.8}]", "lines: [{beat: 0.8}]"),
        (
            "lines: |\n      OLD MAREN (quiet): one: two\n\n      (beat)\n      IVO: three",
            "lines: [{who: maren, how: quiet, text: 'one: two'}, {beat: 0.8}, {who: ivo, text: three}]",
        ),
        ("lines:\n    - 'Ivo (on phone): hello'", "lines: [{who: ivo, voice: device, text: hello}]"),
    ],
)  # fmt: skip
def test_short_and_long_are_the_same(short: str, long: str) -> None:
    assert shot(short) == shot(long)


@pytest.mark.parametrize(("abbreviation", "size"), SIZES.items())
def test_sizes_are_abbreviated_in_either_case(abbreviation: str, size: str) -> None:
    assert shot(f"size: {abbreviation.upper()}").size == shot(f"size: {abbreviation}").size == size


def test_film_parts_have_short_forms() -> None:
    board = text.read(
        "title: x\ncast: {ann: {look: tall, voice: low}}\nplaces: {room: bare walls}\npalette: brass\n"
        "titles: {open: Hello, credits: [a, b]}\nscenes: [{number: 12, shots: [{action: x}]}]"
    ).board
    assert board.cast["ann"].voice.preset == "low"
    assert board.places["room"].look == "bare walls"
    assert board.palette == ("brass",)
    assert board.titles.open is not None
    assert board.titles.credits is not None
    assert (board.titles.open.text, board.titles.credits.lines) == ("Hello", ("a", "b"))
    assert board.scenes[0].number == "12"
