"""Running `vivijure` as a person does: in a process of its own, over a data folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LIMIT_S = 900
TINY = """\
storyboard: 1
title: Tiny
style: night, one lamp
cast:
  ada: {name: Ada, look: "short hair, long coat", voice: {preset: light}}
places:
  room: {look: "a small room with one window", ambience: wind}
music:
  - {id: low, prompt: "one low note, held", from: one, to: end}
end: {fade-out: 0.3}
scenes:
  - id: s1
    heading: INT. ROOM - NIGHT
    place: room
    shots:
      - {id: one, size: wide, seconds: 1, camera: push, action: "A room at night."}
      - {id: two, size: medium-close, seconds: 2.2, who: {ada: left}, action: "Ada looks up.",
         lines: [{ada: "Who is there?"}]}
      - {id: three, size: close, seconds: 1, via: {dissolve: 0.4}, who: {ada: left}, action: "She listens."}
"""


@dataclass(frozen=True)
class Run:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def last(self) -> dict[str, Any]:
        """The JSON object of the last line printed."""
        found: dict[str, Any] = json.loads(self.out.strip().splitlines()[-1])
        return found


def environment(data: Path) -> dict[str, str]:
    """A clean environment over this data folder."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("VIVIJURE_")}
    return {**kept, "VIVIJURE_DATA": str(data), "COLUMNS": "120"}


def command(*args: str | Path) -> list[str]:
    """`vivijure` with arguments, by the interpreter that runs the tests."""
    return [sys.executable, "-m", "control.cli", *map(str, args)]


def vivijure(data: Path, *args: str | Path, cwd: Path = ROOT) -> Run:
    """Run a command to its end."""
    done = subprocess.run(
        command(*args), env=environment(data), cwd=cwd, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    return Run(done.returncode, done.stdout, done.stderr)


def start(data: Path, args: Sequence[str | Path], log: Path) -> subprocess.Popen[bytes]:
    """Start a command in its own session; its output goes to `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(
            command(*args), env=environment(data), cwd=ROOT, stdout=out, stderr=out, start_new_session=True
        )


def tiny(folder: Path, text: str = TINY) -> Path:
    """A small storyboard file."""
    path = folder / "tiny.yaml"
    path.write_text(text, "utf-8")
    return path
