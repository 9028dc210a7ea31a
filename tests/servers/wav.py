"""Reading back what engines write, by the standard library."""

import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt


def read_wav24(path: Path) -> npt.NDArray[np.float64]:
    """Samples -1..1 of a 48 kHz 24-bit file as `(n, channels)`."""
    with wave.open(str(path), "rb") as file:
        assert (file.getsampwidth(), file.getframerate()) == (3, 48_000)
        raw = np.frombuffer(file.readframes(file.getnframes()), np.uint8).reshape(-1, 3)
        wide = np.zeros((len(raw), 4), np.uint8)
        wide[:, 1:] = raw
        values: npt.NDArray[np.float64] = (wide.view("<i4").ravel() >> 8) / 2.0**23
        return values.reshape(-1, file.getnchannels())
