"""Segments of the cut: they tile the film and never change its length."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from control.graph.cut import CutShot, Via, segments, shot_starts

VIAS: list[Via] = ["cut", "dissolve", "fade-in", "dip-black", "dip-white"]


@st.composite
def cuts(draw: st.DrawFn) -> list[CutShot]:
    count = draw(st.integers(1, 8))
    return [
        CutShot(
            f"s{i}",
            draw(st.integers(1, 200)),
            draw(st.sampled_from(VIAS)),
            draw(st.integers(0, 90)),
            draw(st.integers(0, 24)),
        )
        for i in range(count)
    ]


@given(cuts(), st.integers(0, 60))
def test_segments_tile_the_film(shots: list[CutShot], fade: int) -> None:
    found = segments(shots, fade_out=fade)
    assert found[0].start == 0
    for a, b in itertools.pairwise(found):
        assert a.start + a.frames == b.start
    assert found[-1].start + found[-1].frames == shot_starts(shots)[-1]
    for segment, shot in zip(found, shots, strict=True):
        assert segment.frames >= 1
        assert segment.head.frames <= segment.frames
        assert segment.tail.frames <= max(segment.frames, 1)
        assert (segment.previous is not None) == (segment.head.via == "dissolve")
        assert shot.id == segment.shot


def test_dip_fades_both_sides_by_half() -> None:
    first, second = segments([CutShot("a", 48), CutShot("b", 48, "dip-white", 15)])
    assert (first.tail.via, first.tail.frames, first.tail.colour) == ("fade", 7, "white")
    assert (second.head.via, second.head.frames, second.head.colour) == ("fade", 8, "white")


def test_dissolve_shows_the_earlier_clip_where_it_would_have_been() -> None:
    first, second = segments([CutShot("a", 48, trim=5), CutShot("b", 48, "dissolve", 12)])
    assert first.frames == 42
    assert second.head.previous_start == 5 + 42
    assert second.source == -6
