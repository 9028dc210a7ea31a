"""What goes wrong with storyboards, below `control.errors.StoryboardError`.

StoryboardError
├── StoryboardRefused        the text, or the film in it: every problem at once, with path and line
├── UnknownTarget            a label or id that names nothing in the film
└── EditRefused              an operation that cannot be applied; nothing of its batch was
    ├── Locked               it touches what a person locked
    └── StaleBase            its base is stale and both sides changed the same thing
"""

from control.errors import EditRefused, StoryboardError

__all__ = ["EditRefused", "Locked", "StaleBase", "StoryboardError", "StoryboardRefused", "UnknownTarget"]


class StoryboardRefused(StoryboardError):
    """The text cannot be read, or the film in it has errors; `problems` holds all of them."""

    code, title = "storyboard_refused", "The storyboard has errors"


class UnknownTarget(StoryboardError):
    """A label or id names nothing in the film."""

    code, title = "unknown_target", "There is no such part of the film"


class Locked(EditRefused):
    """It touches what a person locked; a person unlocks it first."""

    code, title = "locked", "This part of the film is locked"


class StaleBase(EditRefused):
    """The film changed meanwhile in the same place. Field `conflicts`: path, both values."""

    status, code, title = 409, "stale_base", "The storyboard has changed meanwhile in the same place"
