"""What the benchmarks of speech and mouths work on: `python -m tests.benchmarks.gpu.material FOLDER` makes it.

A spoken text, a face at 1280x720, the face models. Made where the packages of the tests are; a machine without them is
given the folder (`--material FOLDER`).
"""

import shutil
import sys
from pathlib import Path

import numpy as np

SECONDS, RATE = 10, 25
TEXT = "They said a hundred steps. Two hundred and six. They never came up. At midnight I switch it off."
SPEECH, CLIP = "speech.wav", "clip.mp4"


def make(folder: Path) -> Path:
    """Everything, in `folder`."""
    import cv2

    from functions.catalog import builtin
    from functions.contract.params import Dialogue as Line
    from functions.dialogue.engine import Dialogue
    from tests.servers.faces import detector_weights
    from tests.servers.footage import write_sound
    from tests.servers.job import LocalJob
    from tests.servers.talking import clip, portrait
    from tests.servers.wav import read_wav24

    folder.mkdir(parents=True, exist_ok=True)
    job = LocalJob(folder / "voice", builtin()["voice-piper"], Line(text=TEXT, seed=7), ["line.wav"])
    Dialogue(builtin()["voice-piper"]).run(job)
    voice = np.resize(read_wav24(job.output("line.wav"))[:, 0], 3 * SECONDS * 48_000)
    write_sound(folder / SPEECH, voice)
    shutil.rmtree(folder / "voice")
    large = cv2.resize(portrait(320, 180), (1280, 720), interpolation=cv2.INTER_CUBIC).astype(np.uint8)
    clip(folder / CLIP, lambda n: np.roll(large, n % 20, axis=1), SECONDS * RATE, str(RATE))
    for name in ("face_detection_full_range.tflite", "face_landmark.tflite"):
        shutil.copy(detector_weights().with_name(name), folder)
    return folder


if __name__ == "__main__":
    make(Path(sys.argv[1]))
