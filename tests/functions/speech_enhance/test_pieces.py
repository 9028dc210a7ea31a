"""Long speech in pieces: covered without gaps, cut where it is quiet, laid together without a seam."""

import contextlib
import itertools
from pathlib import Path

import numpy as np
import pytest

from functions.speech_enhance.hearing import Span, spoken
from functions.speech_enhance.pieces import FADE, pieces, put
from functions.speech_enhance.sound import FRAME, Scratch

SECOND = 48_000


def powers(seconds: int, quiet_at: float) -> np.ndarray:
    """Loud throughout, but for one frame."""
    found = np.ones(seconds * SECOND // FRAME)
    found[round(quiet_at * SECOND) // FRAME] = 0.01
    return found


def test_pieces_cover_a_span_and_are_cut_where_it_is_quiet() -> None:
    span = Span(SECOND, 29 * SECOND)
    first, second = pieces([span], powers(30, 18.0), 20 * SECOND)
    assert (first.start, second.end, first.ends, second.ends) == (span.start, span.end, False, True)
    assert first.end - second.start == FADE
    assert (first.end + second.start) / 2 == pytest.approx(18 * SECOND, abs=FRAME)


@pytest.mark.parametrize("seconds", [5, 19, 41, 125])
def test_no_piece_is_too_long_and_none_is_missing(seconds: int) -> None:
    draw = np.random.Generator(np.random.PCG64(seconds))
    found = pieces([Span(0, seconds * SECOND)], draw.random(seconds * SECOND // FRAME), 20 * SECOND)
    assert max(p.end - p.start for p in found) <= 20 * SECOND
    assert (found[0].start, found[-1].end) == (0, seconds * SECOND)
    assert all(b.start == a.end - FADE for a, b in itertools.pairwise(found))


def test_what_a_perfect_network_makes_is_laid_without_a_seam(tmp_path: Path) -> None:
    time = np.arange(9 * SECOND) / SECOND
    sound = (0.3 * np.sin(2 * np.pi * 200 * time)).astype(np.float32)
    with contextlib.closing(Scratch(tmp_path / "made", 1)) as target:
        target.write(np.zeros((len(sound), 1), np.float32))
        for piece in pieces([Span(SECOND, 8 * SECOND)], powers(9, 4.0), 4 * SECOND):
            put(target, piece, sound[piece.start : piece.end])
        made = target.read(0, len(sound))[:, 0]
    inside = slice(SECOND + FADE, 8 * SECOND - FADE)
    assert np.abs(made[inside] - sound[inside]).max() < 1e-6
    assert np.abs(np.diff(made)).max() < 1.1 * np.abs(np.diff(sound)).max()
    assert not made[:SECOND].any()
    assert not made[8 * SECOND :].any()


def test_pieces_of_other_levels_fade_into_each_other_and_into_silence(tmp_path: Path) -> None:
    found = pieces([Span(SECOND, 8 * SECOND)], powers(9, 4.0), 4 * SECOND)
    assert len(found) > 1
    with contextlib.closing(Scratch(tmp_path / "made", 1)) as target:
        target.write(np.zeros((9 * SECOND, 1), np.float32))
        for piece, level in zip(found, itertools.cycle((0.3, 0.1)), strict=False):
            put(target, piece, np.full(piece.end - piece.start, level, np.float32))
        made = target.read(0, 9 * SECOND)[:, 0]
    assert made.max() == pytest.approx(0.3)
    assert np.abs(np.diff(made)).max() < 2 * 0.3 / FADE


def test_speech_that_is_near_is_one_stretch_and_a_click_is_none() -> None:
    heard = np.zeros(400, np.float32)
    heard[100:140] = heard[160:200] = 1.0
    heard[300:303] = 1.0
    (span,) = spoken(heard, 400 * 1536)
    assert span.start == 100 * 1536 - SECOND // 4
    assert span.end == 200 * 1536 + SECOND // 4
