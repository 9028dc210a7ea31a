"""What a run rests on: the core that decides, which a mutant replaces, and the database, emptied between runs."""

import functools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from control.render.desk import Desk
from control.render.runner import Runner
from control.render.service import Studio
from control.storyboard.models import Storyboard
from tests.faults.laws import Laws
from tests.faults.loop import Process
from tests.faults.ports import LabStore
from tests.faults.table import Rewrite, Table

if TYPE_CHECKING:
    from tests.faults.world import World


@dataclass(frozen=True)
class Core:
    """What decides, and may be replaced by a mutant. `rewrites` change a statement that begins so: old text, new text;
    `schema` is run after the migrations.
    """

    rewrites: tuple[Rewrite, ...] = ()
    schema: tuple[str, ...] = ()
    runner: Callable[[Desk], Runner] = Runner
    studio: Callable[..., Studio[Storyboard]] = Studio
    store: Callable[["World", Process], LabStore] = LabStore


REAL = Core()


class Ear(logging.Handler):
    """Hears of exceptions that nobody expected, for the run that holds it."""

    laws: Laws | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """As a breach."""
        what = record.exc_info[1] if record.exc_info else ""
        if self.laws is not None:
            self.laws.breach("bug", f"{record.getMessage()}: {what!r}")


@functools.cache
def ear() -> Ear:
    """The ear of this process, at the runner's log: which says nothing else there."""
    log, found = logging.getLogger("vivijure.runner"), Ear(logging.ERROR)
    log.addHandler(found)
    log.setLevel(logging.ERROR)
    return found


@functools.cache
def table(schema: tuple[str, ...] = (), rewrites: tuple[Rewrite, ...] = ()) -> Table:
    """A table of this process."""
    return Table(schema, rewrites)
