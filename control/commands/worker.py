"""`vivijure worker`: advances renders without serving anything, beside Studios over the same database and store."""

import asyncio
import contextlib
import gc
import os
import signal
import sys

from rich.console import Console

from control.commands.studio import SWITCH_S
from control.render.runner import Runner
from control.settings import Settings
from control.studio import open_session
from control.worker import READY, STOP_S

NICE = 5
"""One that a Studio started stands back behind it: whoever asks is answered first."""


async def work(settings: Settings, console: Console, *, tied: bool = False) -> None:
    """Advance renders until told to end.

    `tied`: a Studio started this process, and listens at the address that the settings state; it says on standard
    input what is new, and this process ends when that closes. Raises `StudioError`.
    """
    sys.setswitchinterval(SWITCH_S)
    leaving, news = asyncio.Event(), _News()
    _obey(leaving, tied=tied)
    listening = asyncio.create_task(news.listen(leaving)) if tied else None
    if tied:
        os.nice(NICE)
    else:
        console.print("Advancing renders; Ctrl-C stops it, and running jobs go on.", style="dim", highlight=False)
    advancing = asyncio.create_task(_advance(settings, news, tied=tied))
    ending = asyncio.create_task(leaving.wait())
    await asyncio.wait((advancing, ending), return_when=asyncio.FIRST_COMPLETED)
    signal.alarm(round(STOP_S))  # whatever holds the end up, it comes
    for task in (advancing, ending, listening):
        if task is not None and not task.done():
            task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await advancing


async def _advance(settings: Settings, news: "_News", *, tied: bool) -> None:
    chosen = settings.model_copy(update={"runner": True})
    async with open_session(chosen, served=tied) as session:
        news.runner = session.runner
        gc.freeze()  # what start-up made stays
        if tied:
            os.write(sys.stdout.fileno(), READY)
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nobody reads on
        await asyncio.Event().wait()


class _News:
    """What the Studio says on standard input: a job's id, or an empty line where anything may have changed."""

    def __init__(self) -> None:
        self.runner: Runner | None = None

    async def listen(self, leaving: asyncio.Event) -> None:
        """Pass it on until the Studio is gone."""
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            if self.runner is None:
                continue
            if job := line.decode("ascii", "replace").strip():
                self.runner.ring(job)
            else:
                self.runner.news()
        leaving.set()


def _obey(leaving: asyncio.Event, *, tied: bool) -> None:
    """End when told; an interruption from the terminal reaches the Studio too, which says then when it is time."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, leaving.set)
    loop.add_signal_handler(signal.SIGINT, (lambda: None) if tied else leaving.set)
