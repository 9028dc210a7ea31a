"""The cut as an OpenTimelineIO timeline, for editing programs.

V1 holds the shots with their handles, a transition half on each side of its cut. Sounds lie on DX, FX, AMB and MX;
where two of one kind sound together, the later goes to a second track (`DX 2`). Markers carry the shots' ids.
"""

import itertools
from collections.abc import Sequence
from typing import Annotated, Any, Literal

import opentimelineio as otio
from pydantic import Field

from control.storyboard.shot import TransitionKind
from functions.contract.base import SAMPLE_RATE, Frames, Rate, Samples, Strict

KEY = "vivijure"
"""Name of our metadata in every part."""
SOUND_TRACKS = ("DX", "FX", "AMB", "MX")
_NAMES = {"dissolve": "SMPTE_Dissolve"}


class OtioClip(Strict):
    """A shot in the cut: `frames` of its take from `source_start`. `available` frames of the take exist, from 0.

    `via` is the transition into it, `via_frames` long in all.
    """

    shot: str
    label: str
    scene: str = ""
    url: str
    available: Frames
    source_start: Annotated[int, Field(ge=0)] = 0
    frames: Frames
    via: TransitionKind = "cut"
    via_frames: Annotated[int, Field(ge=0)] = 0


class OtioSound(Strict):
    """A sound of the film. `at` is film time, `source_start` and `available` count in its file; samples at 48 kHz."""

    track: Literal["DX", "FX", "AMB", "MX"]
    name: str
    url: str
    at: Samples
    length: Annotated[int, Field(ge=1)]
    source_start: Samples = 0
    available: Samples
    shot: str = ""


class OtioCut(Strict):
    """A film as it is cut; the clips lie one after the other from frame 0."""

    title: str
    rate: Rate
    clips: Annotated[tuple[OtioClip, ...], Field(min_length=1)]
    sounds: tuple[OtioSound, ...] = ()


def timeline(cut: OtioCut) -> str:
    """The timeline as OTIO JSON. The same cut gives the same text."""
    film = otio.schema.Timeline(name=cut.title, global_start_time=_frames(0, cut.rate))
    film.metadata[KEY] = {"rate": [cut.rate.num, cut.rate.den]}
    film.tracks.append(_picture(cut))
    for name in SOUND_TRACKS:
        layers = _layers([sound for sound in cut.sounds if sound.track == name])
        film.tracks.extend(_sound_track(name if n == 1 else f"{name} {n}", s) for n, s in enumerate(layers, 1))
    film.tracks.markers.extend(_markers(cut))
    text: str = film.to_json_string(indent=2)
    return text + "\n"


def _picture(cut: OtioCut) -> Any:
    track = otio.schema.Track(name="V1", kind=otio.schema.TrackKind.Video)
    for index, clip in enumerate(cut.clips):
        if clip.via != "cut" and clip.via_frames:
            track.append(_transition(clip, cut.rate, first=index == 0))
        track.append(_clip(clip, cut.rate))
    return track


def _clip(clip: OtioClip, rate: Rate) -> Any:
    media = otio.schema.ExternalReference(
        target_url=clip.url, available_range=_range(0, clip.available, rate), metadata={}
    )
    return otio.schema.Clip(
        name=clip.label,
        media_reference=media,
        source_range=_range(clip.source_start, clip.frames, rate),
        metadata={KEY: {"shot": clip.shot, "label": clip.label, "scene": clip.scene}},
    )


def _transition(clip: OtioClip, rate: Rate, *, first: bool) -> Any:
    """Half before the cut and half after, the odd frame after; at the head of the film all of it after."""
    before = 0 if first else clip.via_frames // 2
    return otio.schema.Transition(
        name=clip.via,
        transition_type=_NAMES.get(clip.via, otio.schema.TransitionTypes.Custom),
        in_offset=_frames(before, rate),
        out_offset=_frames(clip.via_frames - before, rate),
        metadata={KEY: {"via": clip.via, "shot": clip.shot}},
    )


def _layers(sounds: Sequence[OtioSound]) -> list[list[OtioSound]]:
    """The sounds of one kind on as few tracks as hold them without overlap, in time order."""
    layers: list[list[OtioSound]] = []
    for sound in sorted(sounds, key=lambda s: (s.at, s.length, s.name)):
        free = next((layer for layer in layers if layer[-1].at + layer[-1].length <= sound.at), None)
        if free is None:
            layers.append([sound])
        else:
            free.append(sound)
    return layers


def _sound_track(name: str, sounds: Sequence[OtioSound]) -> Any:
    track = otio.schema.Track(name=name, kind=otio.schema.TrackKind.Audio)
    ends = itertools.chain([0], (sound.at + sound.length for sound in sounds))
    for sound, end in zip(sounds, ends, strict=False):
        if sound.at > end:
            track.append(otio.schema.Gap(source_range=_sample_range(0, sound.at - end)))
        media = otio.schema.ExternalReference(
            target_url=sound.url, available_range=_sample_range(0, sound.available), metadata={}
        )
        track.append(
            otio.schema.Clip(
                name=sound.name,
                media_reference=media,
                source_range=_sample_range(sound.source_start, sound.length),
                metadata={KEY: {"shot": sound.shot}},
            )
        )
    return track


def _markers(cut: OtioCut) -> list[Any]:
    starts = itertools.accumulate((clip.frames for clip in cut.clips), initial=0)
    return [
        otio.schema.Marker(
            name=clip.shot,
            marked_range=_range(start, clip.frames, cut.rate),
            color=otio.schema.MarkerColor.GREEN,
            metadata={KEY: {"shot": clip.shot, "label": clip.label}},
        )
        for clip, start in zip(cut.clips, starts, strict=False)
    ]


def _frames(frames: int, rate: Rate) -> Any:
    return otio.opentime.RationalTime(frames, rate.num / rate.den)


def _range(start: int, frames: int, rate: Rate) -> Any:
    return otio.opentime.TimeRange(_frames(start, rate), _frames(frames, rate))


def _sample_range(start: int, samples: int) -> Any:
    seconds = otio.opentime.RationalTime
    return otio.opentime.TimeRange(seconds(start, SAMPLE_RATE), seconds(samples, SAMPLE_RATE))
