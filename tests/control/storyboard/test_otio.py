"""The cut as an editing program reads it."""

from typing import Any

import opentimelineio as otio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from control.storyboard.otio import KEY, OtioClip, OtioCut, OtioSound, timeline
from functions.contract.base import Rate

FILM = OtioCut(
    title="The Lighthouse",
    rate=Rate(num=24),
    clips=(
        OtioClip(
            shot="beam", label="1A", scene="s1", url="a.mp4", available=130, source_start=6, frames=108,
            via="fade-in", via_frames=36,
        ),
        OtioClip(shot="steps", label="2A", url="b.mp4", available=200, source_start=12, frames=168),
        OtioClip(
            shot="order", label="2B", url="c.mp4", available=170, source_start=14, frames=144,
            via="dissolve", via_frames=25,
        ),
    ),
    sounds=(
        OtioSound(track="DX", name="ivo 1", url="1.wav", at=240_000, length=96_000, available=96_000, shot="steps"),
        OtioSound(track="DX", name="maren 1", url="2.wav", at=300_000, length=48_000, available=60_000),
        OtioSound(track="DX", name="ivo 2", url="3.wav", at=400_000, length=48_000, source_start=10, available=60_000),
        OtioSound(track="AMB", name="sea", url="sea.wav", at=0, length=840_000, available=840_000),
    ),
)  # fmt: skip


def read(cut: OtioCut) -> Any:
    """The timeline as the library reads it."""
    return otio.adapters.read_from_string(timeline(cut), "otio_json")


def frames(time: Any) -> int:
    """Whole frames of a time."""
    assert time.value == int(time.value)
    return int(time.value)


def test_the_text_reads_back_as_the_same_timeline() -> None:
    again = read(FILM)
    assert again.to_json_string(indent=2) + "\n" == timeline(FILM)
    assert again.name == "The Lighthouse"
    assert again.global_start_time == otio.opentime.RationalTime(0, 24)


def test_shots_lie_one_after_the_other_with_their_handles() -> None:
    film = read(FILM)
    track = film.tracks[0]
    clips = list(track.find_clips())
    assert (track.name, track.kind) == ("V1", "Video")
    starts = [frames(track.trimmed_range_of_child(clip).start_time) for clip in clips]
    assert starts == [0, 108, 276]
    assert [frames(clip.source_range.start_time) for clip in clips] == [6, 12, 14]
    assert [frames(clip.media_reference.available_range.duration) for clip in clips] == [130, 200, 170]
    assert [clip.media_reference.target_url for clip in clips] == ["a.mp4", "b.mp4", "c.mp4"]
    assert clips[0].metadata[KEY] == {"shot": "beam", "label": "1A", "scene": "s1"}


def test_a_transition_lies_half_on_each_side_of_its_cut() -> None:
    film = read(FILM)
    track = film.tracks[0]
    fade, dissolve = (item for item in track if isinstance(item, otio.schema.Transition))
    assert (frames(fade.in_offset), frames(fade.out_offset)) == (0, 36)
    assert (frames(dissolve.in_offset), frames(dissolve.out_offset)) == (12, 13)
    assert dissolve.transition_type == "SMPTE_Dissolve"
    assert (fade.transition_type, fade.metadata[KEY]["via"]) == ("Custom_Transition", "fade-in")
    assert track.neighbors_of(dissolve)[0].name == "2A"
    assert track.neighbors_of(dissolve)[1].name == "2B"


def test_a_transition_does_not_shorten_the_film() -> None:
    assert frames(read(FILM).tracks[0].duration()) == 108 + 168 + 144


def test_sounds_lie_at_their_sample_and_overlaps_take_a_second_track() -> None:
    film = read(FILM)
    tracks = {track.name: track for track in film.tracks}
    assert list(tracks) == ["V1", "DX", "DX 2", "AMB"]
    at = {
        clip.name: int(track.trimmed_range_of_child(clip).start_time.value)
        for track in tracks.values()
        if track.kind == "Audio"
        for clip in track.find_clips()
    }
    assert at == {"ivo 1": 240_000, "maren 1": 300_000, "ivo 2": 400_000, "sea": 0}
    assert [clip.name for clip in tracks["DX"].find_clips()] == ["ivo 1", "ivo 2"]


def test_markers_carry_the_shots() -> None:
    film = read(FILM)
    markers = film.tracks.markers
    assert [(m.name, frames(m.marked_range.start_time)) for m in markers] == [
        ("beam", 0),
        ("steps", 108),
        ("order", 276),
    ]


def test_a_fractional_rate_is_kept_exactly() -> None:
    cut = FILM.model_copy(update={"rate": Rate(num=30_000, den=1001)})
    film = read(cut)
    assert list(film.metadata[KEY]["rate"]) == [30_000, 1001]
    assert film.tracks[0][1].source_range.duration.rate == pytest.approx(29.97002997)


def test_a_cut_without_shots_is_refused() -> None:
    with pytest.raises(ValidationError):
        OtioCut(title="", rate=Rate(num=24), clips=())


@given(st.lists(st.tuples(st.integers(0, 500_000), st.integers(1, 90_000)), max_size=12))
@settings(deadline=None, max_examples=50)
def test_every_sound_lands_where_it_was_put(placed: list[tuple[int, int]]) -> None:
    sounds = tuple(
        OtioSound(track="FX", name=str(n), url="x.wav", at=at, length=length, available=90_000)
        for n, (at, length) in enumerate(placed)
    )
    film = read(FILM.model_copy(update={"sounds": sounds}))
    found = {
        int(clip.name): (
            int(track.trimmed_range_of_child(clip).start_time.value),
            int(clip.source_range.duration.value),
        )
        for track in list(film.tracks)[1:]
        for clip in track.find_clips()
    }
    assert found == dict(enumerate(placed))
