"""Streamed 24-bit WAV."""

import wave
from pathlib import Path

import numpy as np
import pytest

from functions.contract.errors import DiskFull, EngineError
from functions.media.wav import LONGEST, WavWriter, quantise
from tests.servers.footage import codes_of, noise


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    codes = quantise(noise(0.1, 0.6))
    with WavWriter(tmp_path / "a.wav") as wav:
        for start in range(0, len(codes), 1001):
            wav.write(codes[start : start + 1001])
    assert np.array_equal(codes_of(tmp_path / "a.wav"), codes)


def test_full_scale_is_clipped_not_wrapped() -> None:
    assert quantise(np.array([[1.5, -1.5], [0.0, 2**-23]])).tolist() == [[2**23 - 1, -(2**23)], [0, 1]]


def test_mono_is_said_in_the_header(tmp_path: Path) -> None:
    with WavWriter(tmp_path / "m.wav", channels=1) as wav:
        wav.write(np.arange(10, dtype=np.int32).reshape(-1, 1))
    with wave.open(str(tmp_path / "m.wav")) as file:
        assert (file.getnchannels(), file.getnframes()) == (1, 10)


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    (tmp_path / "full.wav").symlink_to("/dev/full")
    with pytest.raises(DiskFull), WavWriter(tmp_path / "full.wav") as wav:
        wav.write(np.zeros((100_000, 2), np.int32))


def test_four_gigabytes_are_the_limit(tmp_path: Path) -> None:
    wav = WavWriter(tmp_path / "a.wav")
    wav.samples = LONGEST
    with pytest.raises(EngineError, match="4 GiB"), wav:
        wav.write(np.zeros((1, 2), np.int32))
