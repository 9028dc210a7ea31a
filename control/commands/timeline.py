"""A film's timeline for editing programs, from its plan and what has been made of it."""

from pathlib import Path

from control.errors import StoryboardError
from control.settings import Settings


async def timeline(settings: Settings, path: Path) -> str:
    raise StoryboardError("pending")
