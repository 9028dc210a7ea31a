"""What of a segment is copied."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from functions.assemble.pieces import Piece, pieces

GROUPS = [range(0, 18), range(18, 36), range(36, 54), range(54, 60)]


def always(index: int) -> bool:
    del index
    return True


def test_an_untouched_clip_is_one_copy() -> None:
    assert pieces(54, 0, GROUPS, always) == [Piece(0, 54, 0)]


def test_words_make_only_their_groups_encode() -> None:
    found = pieces(54, 0, GROUPS, lambda index: index >= 20)
    assert found == [Piece(0, 36), Piece(36, 18, 36)]


def test_a_group_cut_at_the_end_is_encoded() -> None:
    assert pieces(50, 0, GROUPS, always) == [Piece(0, 36, 0), Piece(36, 14)]


def test_a_segment_that_begins_before_its_clip() -> None:
    assert pieces(30, -6, GROUPS, always) == [Piece(0, 6), Piece(6, 18, 0), Piece(24, 6)]


def test_a_segment_that_slips_into_its_clip() -> None:
    assert pieces(40, 20, GROUPS, always) == [Piece(0, 16), Piece(16, 24, 36)]


def test_no_groups_is_one_encode() -> None:
    assert pieces(7, 3, [], always) == [Piece(0, 7)]


@given(st.integers(1, 90), st.integers(-30, 90), st.lists(st.integers(1, 20), max_size=6), st.sets(st.integers(0, 90)))
def test_pieces_cover_the_segment_and_copies_are_whole_plain_groups(
    frames: int, start: int, lengths: list[int], touched: set[int]
) -> None:
    edges = [0]
    for length in lengths:
        edges.append(edges[-1] + length)
    groups = [range(a, b) for a, b in pairwise(edges)]
    found = pieces(frames, start, groups, lambda index: index not in touched)
    assert [i for p in found for i in range(p.start, p.start + p.frames)] == list(range(frames))
    for piece in found:
        if piece.source is None:
            continue
        assert piece.source == piece.start + start
        assert {piece.source, piece.source + piece.frames} <= set(edges)
        assert not touched & set(range(piece.start, piece.start + piece.frames))
