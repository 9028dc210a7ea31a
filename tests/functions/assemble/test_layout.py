"""Where words lie: inside the safe area, clear of each other, touching nothing else."""

from itertools import pairwise
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from functions.assemble.layout import words
from functions.contract.base import Rate, Size
from functions.contract.params import Conform, TextBlock
from functions.media.picture import blank, planes

SHAPES = {"16:9": (1280, 720), "9:16": (720, 1280), "1:1": (720, 720), "4:3": (960, 720)}
Role = Literal["title", "sub", "super", "slate", "timecode", "caption", "credits"]
TWO = {
    "9:16": ("There is no ship on the", "chart. No. There never is."),
    "1:1": ("At midnight, gypsy, I switch", "it off, by jingo. Always."),
}
WIDE = ("At midnight I switch it off, my good gypsy", "The satellites do it now, by jingo, always")


def block(role: Role, *lines: str, start: int = 0, frames: int = 48, fade: int = 0, at: str = "lower") -> TextBlock:
    where = {"lower": "lower", "centre": "centre", "upper": "upper"}[at]
    return TextBlock.model_validate(
        {"role": role, "lines": lines, "start": start, "frames": frames, "fade": fade, "at": where}
    )


def segment(size: tuple[int, int], *texts: TextBlock, picture: tuple[int, int] | None = None) -> Conform:
    inner = Size(width=picture[0], height=picture[1]) if picture else None
    whole = Size(width=size[0], height=size[1])
    return Conform(size=whole, rate=Rate(num=24), frames=48, texts=texts, picture=inner)


def drawn(wanted: Conform, role: str, frame: int = 10) -> NDArray[np.bool_]:
    """Pixels that the block of this role changes on mid grey."""
    canvas = blank(wanted.size, (110, 128, 128))
    for block in words(wanted):
        patch = block.at(frame - block.start)
        if block.role == role and patch and (opacity := block.opacity(frame)):
            patch.lay(planes(canvas), opacity)
    changed: NDArray[np.bool_] = np.abs(planes(canvas)[0].astype(int) - 110) > 3
    return changed


def box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of what is drawn."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


SLATE = block("slate", "2C   MCU   SLOW PUSH", fade=6, frames=36)
CODE = block("timecode", "01:00:59:20")


@pytest.mark.parametrize("shape", list(SHAPES))
def test_captions_lie_above_the_slate_within_the_safe_area(shape: str) -> None:
    size = SHAPES[shape]
    wanted = segment(size, SLATE, CODE, block("caption", *TWO.get(shape, WIDE)))
    left, top, right, bottom = box(drawn(wanted, "caption"))
    for label in ("slate", "timecode"):
        assert bottom < box(drawn(wanted, label))[1]
    assert left >= 0.095 * size[0]
    assert right <= 0.905 * size[0]
    assert abs(left + right - size[0]) <= 4
    low = 0.18 if shape == "9:16" else 0.08
    assert bottom <= size[1] * (1 - low + 0.02)
    assert top >= size[1] * (1 - low - 0.13)


@pytest.mark.parametrize("shape", list(SHAPES))
def test_slate_and_timecode_lie_in_the_corners_of_the_safe_area(shape: str) -> None:
    width, height = SHAPES[shape]
    wanted = segment((width, height), SLATE, CODE)
    slate, code = box(drawn(wanted, "slate")), box(drawn(wanted, "timecode"))
    assert slate[0] == pytest.approx(0.05 * width, abs=5)
    assert code[2] == pytest.approx(0.95 * width, abs=5)
    assert slate[3] == pytest.approx(0.95 * height, abs=6)
    assert code[3] == pytest.approx(0.95 * height, abs=6)
    assert slate[2] < code[0]


def test_the_sizes_are_those_of_the_style() -> None:
    capitals = box(drawn(segment((1920, 1080), block("caption", "HHH")), "caption"))
    assert capitals[3] - capitals[1] == pytest.approx(1080 * (0.05 * 0.66 + 2 * 0.0028), abs=8)
    tall = box(drawn(segment((1080, 1920), block("caption", "HHH")), "caption"))
    assert tall[3] - tall[1] == pytest.approx(1920 * (0.034 * 0.66 + 2 * 0.0028), abs=8)


def test_in_scope_captions_lie_in_the_lower_matte() -> None:
    wanted = segment((1280, 720), SLATE, block("caption", *WIDE), picture=(1280, 536))
    _, top, _, bottom = box(drawn(wanted, "caption"))
    assert 628 < top < bottom < 720
    assert box(drawn(wanted, "slate"))[3] == pytest.approx(92 + 536 * 0.95, abs=6)


def test_captions_give_way_to_a_super_for_their_whole_length() -> None:
    wanted = segment((1280, 720), block("super", "Three weeks later", start=20), block("caption", "Already?"))
    assert box(drawn(wanted, "caption", 2))[3] < 150
    assert box(drawn(wanted, "super", 30))[1] > 600


def test_the_subtitle_lies_under_its_title() -> None:
    wanted = segment((1280, 720), block("title", "The Lighthouse", at="centre"), block("sub", "a film", at="centre"))
    title, sub = box(drawn(wanted, "title")), box(drawn(wanted, "sub"))
    assert sub[1] > title[3] - 20
    assert sub[3] < 500
    assert abs(title[0] + title[2] - 1280) < 12


def test_long_words_are_set_smaller_not_wider() -> None:
    wanted = segment((1280, 720), block("title", "The Unbearable Lightness of Being a Lighthouse Keeper", at="centre"))
    left, _, right, _ = box(drawn(wanted, "title"))
    assert 0.7 * 1280 < right - left < 0.84 * 1280


def test_words_touch_only_their_frames_and_rectangle() -> None:
    wanted = segment((640, 360), block("caption", "Here.", start=5, frames=4))
    assert not drawn(wanted, "caption", 4).any()
    assert drawn(wanted, "caption", 5).any()
    assert drawn(wanted, "caption", 8).any()
    assert not drawn(wanted, "caption", 9).any()
    assert not drawn(wanted, "caption", 6)[:280].any()


def test_fades_rise_and_fall() -> None:
    slate = words(segment((640, 360), SLATE))[0]
    assert [round(slate.opacity(n) * 7) for n in (0, 1, 5, 6, 29, 30, 35, 36)] == [1, 2, 6, 7, 7, 6, 1, 0]


def test_timecode_runs_and_stands_still() -> None:
    wanted = segment((1280, 720), block("timecode", "01:00:59:22"))
    spots = [drawn(wanted, "timecode", n) for n in range(4)]
    assert box(spots[0])[0] == pytest.approx(box(spots[3])[0], abs=2)
    moved = [int(np.flatnonzero(np.any(a ^ b, axis=0))[0]) for a, b in pairwise(spots)]
    assert moved[0] > box(spots[0])[0] + 55
    assert moved[1] < box(spots[0])[0] + 40


def test_long_credits_roll_and_short_ones_stand() -> None:
    roll = segment((640, 360), block("credits", *[f"Person {n}" for n in range(30)]))
    tops = [int(np.flatnonzero(drawn(roll, "credits", n).any(axis=1))[0]) for n in (3, 6, 9)]
    assert tops[0] - tops[1] == pytest.approx(tops[1] - tops[2], abs=2)
    assert tops[0] > tops[1]
    card = segment((640, 360), block("credits", "Made with Vivijure"))
    assert box(drawn(card, "credits", 3)) == box(drawn(card, "credits", 40))


def test_blank_lines_draw_nothing() -> None:
    assert words(segment((640, 360), block("caption", " ", ""))) == ()
