"""The `animatic` engine: keyframes and clips drawn and moved on any CPU."""

import cv2

from functions.animatic import encode, layers, stills
from functions.animatic.panel import Panel, supplied
from functions.contract.errors import ContractError, InputError
from functions.contract.job import Provenance
from functions.contract.manifest import EngineManifest
from functions.contract.params import Keyframe, Motion
from functions.runtime.engine import Job, Outcome


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
            _keyframe(job, params)
        elif isinstance(params, Motion):
            _motion(job, params)
        else:
            raise ContractError(f"The animatic makes keyframes and motion, not '{params.kind}'; choose another engine.")
        return Outcome(
            provenance=Provenance(engine_version=self._manifest.version, libraries={"opencv": cv2.__version__})
        )


def _keyframe(job: Job, params: Keyframe) -> None:
    drawing = layers.drawing_of(params)
    job.progress("paint", 0, 1)
    panel = Panel.of_keyframe(drawing)
    if "image.png" in job.output_names:
        encode.still(panel.stage().clean(), job.output("image.png"))
    if "layers.bin" in job.output_names:
        job.output("layers.bin").write_bytes(layers.pack(drawing))
    job.progress("paint", 1, 1)


def _motion(job: Job, params: Motion) -> None:
    inputs = job.inputs
    job.progress("paint", 0, 1)
    if "layers" in inputs:
        panel = Panel.of_motion(layers.load(inputs["layers"]), params)
    elif "image" in inputs:
        end = stills.load(inputs["end_image"], "end_image") if "end_image" in inputs else None
        panel = supplied(stills.load(inputs["image"], "image"), params, end)
    else:
        raise InputError("Motion needs input 'image' (the keyframe) and has none; render the keyframe first.")
    job.progress("paint", 1, 1)
    encode.clip(job, params, panel.stage().frames())
