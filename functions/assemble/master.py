"""From the sum of the stems to the delivered sound: gain, limiter, AAC, measured again on what a listener decodes."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import imageio_ffmpeg
from pydantic import Field

from functions.assemble.limiter import Limited, limited
from functions.assemble.premix import Premix
from functions.contract.base import Strict
from functions.contract.errors import OutputRefused
from functions.contract.job import Note
from functions.media.decode import sound_blocks
from functions.media.loudness import Loudness, Meter
from functions.media.wav import WavWriter, quantise
from functions.runtime.engine import Job

BIT_RATE = "256k"
CODER = "fast"
"""The search of FFmpeg for high rates: half the time; 5 to 16 dB less noise below 6 kHz, 2 to 6 dB more above."""
CODEC_HEADROOM = 0.4
"""dB that the first try leaves for what AAC adds to peaks."""
TRIES = 8
NEAR = 0.1
"""LU within which the uncompressed mix must lie before it is encoded."""
PUSH = 6.0
"""dB that the gain may rise to win back what the limiter takes; beyond that a film stays quieter than its target,
since only its room tone would become louder.
"""
QUIETEST = -45.0
"""A film below this in LUFS holds nothing but room tone: raising that to a target would make noise of it."""
HEAVY = 4.0
"""Reduction in dB above which a person should know."""


class Preset(Strict):
    """A delivery: integrated LUFS within a tolerance in LU, true peak in dBTP at most."""

    integrated: float
    tolerance: float = Field(gt=0)
    true_peak: float = Field(le=0)


@dataclass(frozen=True)
class Master:
    """What was done and what came of it: `gain` and `ceiling` in dB reproduce `mix.wav` from the stems."""

    gain: float
    ceiling: float
    reduction: float
    delivered: Loudness


def presets() -> dict[str, Preset]:
    """The deliveries by name."""
    text = resources.files("functions.assemble").joinpath("presets.toml").read_text("utf-8")
    return {name: Preset.model_validate(values) for name, values in tomllib.loads(text).items()}


class Mastering:
    """Works towards a preset on one mix."""

    def __init__(self, job: Job, premix: Premix, wav: Path, aac: Path) -> None:
        self._job, self._premix, self._wav, self._aac = job, premix, wav, aac

    def run(self, preset: Preset) -> Master:
        """Write the mix. Raises `OutputRefused`."""
        measured = self._premix.loudness
        if measured < QUIETEST:
            return self._once(0.0, preset.true_peak - CODEC_HEADROOM)
        gain, ceiling = preset.integrated - measured, preset.true_peak - CODEC_HEADROOM
        most = gain + PUSH
        for attempt in range(TRIES):
            self._job.progress("master", attempt, TRIES)
            reduction, loud = self._write(gain, ceiling)
            if abs(loud - preset.integrated) > NEAR and attempt < TRIES // 2:
                pushed = min(most, gain + preset.integrated - loud)
                if pushed != gain:
                    gain = pushed
                    continue
            delivered = self._encode()
            off, over = delivered.integrated - preset.integrated, delivered.true_peak - preset.true_peak
            near = abs(off) <= preset.tolerance * 0.4 or (gain == most and off < 0)
            if near and over <= 0:
                return Master(gain, ceiling, reduction, delivered)
            gain, ceiling = min(most, gain - off), ceiling - (over + 0.05 if over > 0 else 0)
        raise OutputRefused(
            f"the mix did not reach {preset.integrated} LUFS under {preset.true_peak} dBTP "
            f"({delivered.integrated:.1f} LUFS, {delivered.true_peak:.1f} dBTP): lower its loudest effect"
        )

    def _once(self, gain: float, ceiling: float) -> Master:
        reduction, _ = self._write(gain, ceiling)
        return Master(gain, ceiling, reduction, self._encode())

    def _limited(self, gain: float, ceiling: float) -> Iterator[Limited]:
        return limited(self._premix.read, self._premix.samples, gain, ceiling)

    def _write(self, gain: float, ceiling: float) -> tuple[float, float]:
        """Write the uncompressed mix; the limiter's greatest reduction in dB, and the integrated loudness."""
        most, meter = 0.0, Meter(peaks=False)
        with WavWriter(self._wav) as wav:
            for block in self._limited(gain, ceiling):
                wav.write(quantise(block.sound))
                meter.feed(block.sound)
                most = max(most, block.reduction)
        return most, meter.result.integrated

    def _encode(self) -> Loudness:
        head = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-v", "error", "-y", "-i", str(self._wav)]
        codec = ["-c:a", "aac", "-aac_coder", CODER, "-b:a", BIT_RATE, "-flags", "+bitexact", "-fflags", "+bitexact"]
        self._job.children.run([*head, *codec, "-movflags", "+faststart", "-f", "ipod", str(self._aac)])
        return Meter().feed_all(sound_blocks(self._aac, "the encoded mix")).result


def notes(master: Master, preset: Preset) -> list[Note]:
    """What a person should know of a master."""
    heard = master.delivered
    out = [
        Note(code="loudness", detail=f"{heard.integrated:.1f} LUFS integrated", value=round(heard.integrated, 2)),
        Note(code="true_peak", detail=f"{heard.true_peak:.1f} dBTP", value=round(heard.true_peak, 2)),
        Note(code="loudness_range", detail=f"{heard.range:.1f} LU range", value=round(heard.range, 2)),
        Note(code="master_gain", detail=f"the stems were raised by {master.gain:.2f} dB", value=master.gain),
        Note(code="limiter_ceiling", detail=f"and held under {master.ceiling:.2f} dBTP", value=master.ceiling),
    ]
    if master.reduction > HEAVY:
        detail = f"the limiter took {master.reduction:.1f} dB at the loudest place, over {HEAVY:g}: lower that sound"
        out.append(Note(code="heavy_limiting", detail=detail, value=round(master.reduction, 1)))
    if heard.integrated < preset.integrated - preset.tolerance:
        why = "its sounds are few and short" if master.gain else "it holds nothing but room tone"
        detail = f"the film stays under {preset.integrated:g} LUFS: {why}, more gain would only raise the noise"
        out.append(Note(code="under_target", detail=detail, value=round(heard.integrated, 1)))
    return out
