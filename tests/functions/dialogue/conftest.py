import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from functions.catalog import builtin
from functions.contract.media import Word
from functions.contract.params import Dialogue as Line
from functions.contract.params import Voice
from functions.dialogue.engine import Dialogue
from functions.dialogue.piper import PiperVoice
from functions.runtime.engine import Outcome
from tests.servers.job import LocalJob
from tests.servers.speech import Mono
from tests.servers.wav import read_wav24

Speak = Callable[..., tuple[Outcome, Mono]]
MAREN: dict[str, Any] = {"preset": "low-warm", "pace": 940}
IVO: dict[str, Any] = {"preset": "light", "pace": 1040}
LINES = (
    (IVO, "winded", "They said a hundred steps."),
    (MAREN, "", "Two hundred and six. They never came up."),
    (IVO, "", "At midnight I switch it off. The satellites do it now."),
    (MAREN, "mild", "And who do they wait up for?"),
    (MAREN, "", "No. There never is."),
    (IVO, "", "Then who is that?"),
    (MAREN, "", "Somebody late."),
    (IVO, "", "I'll wait up."),
)


@pytest.fixture(scope="session")
def engine() -> Dialogue:
    return Dialogue(builtin()["voice-piper"])


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The machine's cache."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def joe(engine: Dialogue, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> PiperVoice:
    from functions.dialogue.speakers import bundled

    wanted = Line(text="Yes.", voice=Voice(preset="neutral"), seed=1)
    return bundled(LocalJob(tmp_path_factory.mktemp("joe"), engine.manifest, wanted, [], cache=cache)).voice


@dataclass(frozen=True)
class Spoken:
    """A line of the example film, spoken."""

    preset: str
    text: str
    sound: Mono
    words: tuple[Word, ...]


@pytest.fixture(scope="session")
def example(engine: Dialogue, tmp_path_factory: pytest.TempPathFactory) -> list[Spoken]:
    """The example film's lines, whispers apart."""
    found = []
    for who, how, text in LINES:
        outcome, sound = spoken(engine, tmp_path_factory.mktemp("line"), text, how=how, **who)
        found.append(Spoken(str(who["preset"]), text, sound, outcome.facts["line.wav"].words))
    return found


def spoken(
    engine: Dialogue,
    folder: Path,
    text: str,
    *,
    preset: str = "neutral",
    pace: int = 1000,
    pitch: int = 0,
    how: str = "",
    seed: int = 7,
    cache: Path | None = None,
) -> tuple[Outcome, Mono]:
    """Outcome and mono samples of one line."""
    wanted = Line(text=text, how=how, voice=Voice(preset=preset, pace=pace, pitch=pitch), seed=seed)
    job = LocalJob(folder, engine.manifest, wanted, ["line.wav"], cache=cache)
    outcome = engine.run(job)
    return outcome, read_wav24(job.output("line.wav"))[:, 0]


@pytest.fixture
def speak(engine: Dialogue, tmp_path: Path) -> Speak:
    """Speak a line."""
    return functools.partial(spoken, engine, tmp_path)
