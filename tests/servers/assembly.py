"""The assembling engine on jobs of their own folders."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from functions.assemble.engine import Assemble
from functions.catalog import builtin
from functions.contract.params import Params
from functions.runtime.engine import Outcome
from tests.servers.job import LocalJob

OUTPUTS = {
    "conform": ("segment.mp4",),
    "mix": ("mix.m4a", "mix.wav", "dx.wav", "fx.wav", "amb.wav", "mx.wav", "nat.wav"),
    "assemble": ("film.mp4", "captions.srt", "captions.vtt", "poster.png"),
}


@dataclass(frozen=True)
class Made:
    """A finished job."""

    outcome: Outcome
    folder: Path

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    @property
    def codes(self) -> list[str]:
        """Codes of its notes."""
        return [note.code for note in self.outcome.notes]

    def note(self, code: str) -> float:
        """The value of a note."""
        value = next(n.value for n in self.outcome.notes if n.code == code)
        assert isinstance(value, float | int)
        return float(value)


class Workshop:
    """A folder of jobs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.jobs = folder, 0

    def job(self, params: Params, inputs: Mapping[str, Path] | None = None) -> LocalJob:
        """A job that has not run."""
        self.jobs += 1
        return LocalJob(self.folder / f"job{self.jobs}", builtin()["assemble"], params, OUTPUTS[params.kind], inputs)

    def __call__(self, params: Params, inputs: Mapping[str, Path] | None = None) -> Made:
        job = self.job(params, inputs)
        return Made(Assemble(job.manifest).run(job), job.outputs)
