"""PNG files written in a thread, while the rest of the job goes on."""

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FAST_PNG = 1
"""Compression level: a keyframe is read more often over a network than it is stored, and level 9 takes seconds."""


class PngWriter:
    """Writes a PNG in a thread, while the rest of the job goes on."""

    def __init__(self, picture: NDArray[np.uint8], path: Path) -> None:
        self._failed: list[OSError] = []
        self._thread = threading.Thread(target=self._write, args=(picture, path), name="png")
        self._thread.start()

    def wait(self) -> None:
        """Until it lies there. Raises `OSError` where it could not be written."""
        self._thread.join()
        if self._failed:
            raise self._failed[0]

    def _write(self, picture: NDArray[np.uint8], path: Path) -> None:
        try:
            Image.fromarray(picture).save(path, "PNG", compress_level=FAST_PNG)
        except OSError as error:
            self._failed.append(error)
