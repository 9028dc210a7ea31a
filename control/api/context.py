"""What the faces of the Studio share: made once by `control.app.build_app`."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from starlette.requests import Request

from control.api.access import Access
from control.api.hub import Hub
from control.db import Database
from control.doors.book import DoorBook
from control.doors.doorbell import Ringer
from control.render.planning import Planning
from control.render.service import Studio
from control.settings import Settings
from control.store import ObjectStore
from control.storyboard.models import Storyboard

Clock = Callable[[], int]


@dataclass(frozen=True)
class Context:
    """The parts a request may use. `clock` gives milliseconds since the epoch."""

    settings: Settings
    studio: Studio[Storyboard]
    planning: Planning
    db: Database
    store: ObjectStore
    access: Access
    hub: Hub
    clock: Clock
    doorbell_key: bytes = field(repr=False)
    doors: DoorBook
    ringer: Ringer = field(default_factory=Ringer)


def context_of(request: Request) -> Context:
    """The context of the app that serves this request."""
    return cast(Context, request.app.state.context)
