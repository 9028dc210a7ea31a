"""The most memory that a job takes, measured in a process of its own (its `ru_maxrss` would hold its parent's too)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def peak_bytes(code: str, *arguments: str | Path, environ: dict[str, str] | None = None) -> tuple[int, Any]:
    """(largest resident set, what the code printed last as JSON) of `python -c code arguments`."""
    tail = "\nprint(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])"
    done = subprocess.run(
        [sys.executable, "-c", code + tail, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **(environ or {})},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *_, told, peak = done.stdout.strip().splitlines()
    return int(peak) * 1024, json.loads(told)
