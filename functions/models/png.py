"""PNG files written in a thread, while the rest of the job goes on."""

import threading
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

FAST_PNG = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
"""Pictures hold few repetitions beyond runs: half the time of a search for them, and the file is no larger."""


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
            path.write_bytes(cv2.imencode(".png", picture[:, :, ::-1], FAST_PNG)[1].tobytes())
        except OSError as error:
            self._failed.append(error)
