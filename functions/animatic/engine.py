"""The `animatic` engine: keyframes and clips drawn and moved on any CPU."""

from typing import Final

import cv2

from functions.animatic import encode, layers, portrait, stills
from functions.animatic.panel import Panel, supplied
from functions.animatic.portrait import Portrait
from functions.contract.errors import ContractError, InputError
from functions.contract.job import Note, Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.params import Keyframe, Motion
from functions.runtime.engine import Job, Outcome

PORTRAIT: Final = "portrait_"
"""What the name of an input that shows a person begins with."""


class Animatic:
    """Step kinds `keyframe` and `motion`. Holds no model, so any number of processes may run side by side."""

    def __init__(self, manifest: EngineManifest) -> None:
        self._manifest = manifest
        cv2.setNumThreads(1)

    def run(self, job: Job) -> Outcome:
        """Draw `image.png` and `layers.bin`, or move them into `clip.mp4`.

        Raises `ContractError` for another kind and `InputError` for a picture or layers that cannot be used.
        """
        params = job.params
        if isinstance(params, Keyframe):
            notes = _keyframe(job, params)
        elif isinstance(params, Motion):
            notes = _motion(job, params)
        else:
            raise ContractError(f"The animatic makes keyframes and motion, not '{params.kind}'; choose another engine.")
        return Outcome(
            notes=notes,
            provenance=Provenance(engine_version=self._manifest.version, libraries={"opencv": cv2.__version__}),
        )


def _keyframe(job: Job, params: Keyframe) -> list[Note]:
    drawing = layers.drawing_of(params)
    job.progress("paint", 0, 1)
    portraits = _portraits(job)
    panel = Panel.of_keyframe(drawing, portraits)
    if "image.png" in job.output_names:
        encode.still(panel.stage().clean(), job.output("image.png"))
    if "layers.bin" in job.output_names:
        job.output("layers.bin").write_bytes(layers.pack(drawing))
    job.progress("paint", 1, 1)
    return _unused(job, portraits)


def _portraits(job: Job) -> dict[str, Portrait]:
    """Inputs `portrait_ID`: pictures of people by their id; without those in which no head was found."""
    names = [name for name in job.inputs if name.startswith(PORTRAIT)]
    found = {name.removeprefix(PORTRAIT): portrait.load(job.inputs[name], name) for name in names}
    return {who: seen for who, seen in found.items() if seen is not None}


def _unused(job: Job, portraits: dict[str, Portrait]) -> list[Note]:
    """What is said of portraits that could not be used."""
    given = sorted(name.removeprefix(PORTRAIT) for name in job.inputs if name.startswith(PORTRAIT))
    told = "no head could be told from its ground, so a drawn one is shown; a transparent or plain ground helps"
    missed = (who for who in given if who not in portraits)
    return [Note(code="portrait_unused", detail=f"the portrait of {who}: {told}", value=who) for who in missed]


def _motion(job: Job, params: Motion) -> list[Note]:
    inputs = job.inputs
    portraits = _portraits(job)
    job.progress("paint", 0, 1)
    if "layers" in inputs:
        panel = Panel.of_motion(layers.load(inputs["layers"]), params, portraits)
    elif "image" in inputs:
        end = stills.load(inputs["end_image"], "end_image") if "end_image" in inputs else None
        panel = supplied(stills.load(inputs["image"], "image"), params, end)
    else:
        raise InputError("Motion needs input 'image' (the keyframe) and has none; render the keyframe first.")
    job.progress("paint", 1, 1)
    encode.clip(job, params, panel.stage().frames())
    return _unused(job, portraits)
