"""Ending every process of a session: a worker is the leader of one, and all that it starts stays in it."""

import contextlib
import os
import signal
from pathlib import Path

PROC = Path("/proc")
ROUNDS = 10
"""How often to look again for processes that were forked meanwhile."""


def kill_session(session: int, *, spare: int | None = None) -> None:
    """SIGKILL to every process of a session but `spare`, its leader first: nobody is left who could tell of the others'
    deaths as of failures. Without a /proc only the leader's own group is found.
    """
    if not (PROC / "self" / "stat").exists():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(session, signal.SIGKILL)
        return
    for _ in range(ROUNDS):
        found = [pid for pid in _processes() if pid != spare and _session_of(pid) == session]
        for pid in sorted(found, key=lambda pid: pid != session):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return


def _processes() -> list[int]:
    return [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]


def _session_of(pid: int) -> int | None:
    """The session of a process, None for one that ended (zombies count as ended)."""
    try:
        state, _, _, session = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[:4]
    except (OSError, ValueError):
        return None
    return None if state == "Z" else int(session)
