"""The most memory that a job takes, measured in a process of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def peak_bytes(code: str, *arguments: str | Path, environ: dict[str, str] | None = None) -> tuple[int, Any]:
    """(largest resident set, what the code printed last as JSON) of `python -c code arguments`."""
    tail = "\nimport resource\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)"
    done = subprocess.run(
        [sys.executable, "-c", code + tail, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), **(environ or {})},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    *_, told, peak = done.stdout.strip().splitlines()
    return int(peak), json.loads(told)
