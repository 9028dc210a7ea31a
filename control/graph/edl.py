"""The finished cut as an editing program wants it: which frames of which take lie where, and which sounds."""

from collections.abc import Callable, Mapping

from control.graph.model import OutputFacts, Plan, Source, Step
from control.storyboard.models import Storyboard
from control.storyboard.otio import OtioClip, OtioCut, OtioSound
from functions.contract.params import Conform, Mix, Motion, Placement

Made = Mapping[str, Mapping[str, OutputFacts]]
"""Step path -> output name -> facts."""
Url = Callable[[str], str]
"""Object key -> address of the media."""
TRACKS = {"dx": "DX", "fx": "FX", "amb": "AMB", "mx": "MX"}


def otio_cut(plan: Plan, board: Storyboard, made: Made, url: Url) -> OtioCut | None:
    """The cut with every clip and sound that exists; None where no shot has a clip yet."""
    steps = {step.path: step for step in plan.steps}
    clips = [c for shot in plan.shots if (c := _clip(plan, steps, board, shot.id, made, url)) is not None]
    if not clips:
        return None
    return OtioCut(title=plan.title, rate=plan.rate, clips=tuple(clips), sounds=tuple(_sounds(steps, made, url)))


def _clip(
    plan: Plan, steps: Mapping[str, Step], board: Storyboard, shot_id: str, made: Made, url: Url
) -> OtioClip | None:
    conform = steps.get(f"shot/{shot_id}/conform")
    if conform is None or not isinstance(conform.params, Conform):
        return None
    source = conform.inputs["clip"]
    found = made.get(source.step or "", {}).get(source.output or "")
    if found is None:
        return None
    planned = next(s for s in plan.shots if s.id == shot_id)
    via = board.shot(shot_id).via
    via_frames = round(via.seconds * plan.rate.num / plan.rate.den)
    return OtioClip(
        shot=shot_id,
        label=planned.label,
        scene=planned.scene,
        url=url(found.key),
        available=max(_frames(found, steps.get(source.step or "")), planned.frames),
        source_start=max(conform.params.start, 0),
        frames=planned.frames,
        via=via.kind,
        via_frames=via_frames,
    )


def _frames(found: OutputFacts, step: Step | None) -> int:
    if found.media.frames is not None:
        return found.media.frames
    return step.params.frames if step is not None and isinstance(step.params, Motion) else 1


def _sounds(steps: Mapping[str, Step], made: Made, url: Url) -> list[OtioSound]:
    mix = steps.get("film/mix")
    if mix is None or not isinstance(mix.params, Mix):
        return []
    return [s for p in mix.params.placements if (s := _sound(p, mix.inputs[p.input], made, url)) is not None]


def _sound(placed: Placement, source: Source, made: Made, url: Url) -> OtioSound | None:
    track = TRACKS.get(placed.stem)
    if source.upload is not None:
        upload = source.upload
        key, samples = f"uploads/{upload.sha256}.{upload.suffix}", upload.media.samples or placed.length
    else:
        found = made.get(source.step or "", {}).get(source.output or "")
        if found is None:
            return None
        key, samples = found.key, found.media.samples or placed.length
    length = min(placed.length, samples)
    if track is None or length < 1:
        return None
    return OtioSound.model_validate(
        {
            "track": track,
            "name": placed.input,
            "url": url(key),
            "at": placed.at,
            "length": length,
            "source_start": placed.offset,
            "available": samples,
        }
    )
