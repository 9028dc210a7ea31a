"""What every edit operation is: words for what a person does, and a pure function from a storyboard to the next."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import Field

from control.storyboard.models import Storyboard
from control.storyboard.scalars import Id, Node

Outside = Mapping[str, Storyboard]
"""Storyboards from outside that an operation may name: `revision:<n>`, `import:<digest>`."""
ShotRef = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,40}$")]
"""A shot by id or by label."""
FieldPath = Annotated[str, Field(min_length=1, max_length=200)]
"""Names joined by dots: `camera.move`, `who.maren.at`."""
Draft = dict[str, Any]
"""A part as people write it, short forms allowed; an id is minted where none is given."""


class Operation(Node):
    """One typed edit. `restores` are those that may bring back ids which were removed."""

    restores: ClassVar[bool] = False
    unlocks: ClassVar[bool] = False

    @abstractmethod
    def on(self, board: Storyboard, outside: Outside) -> Storyboard:
        """The storyboard after this edit. Raises `EditRefused` or `UnknownTarget`; the board itself never changes."""

    def moved(self, board: Storyboard) -> tuple[str, ...]:
        """Ids of shots that this edit moves in the cut."""
        return ()


class After(Node):
    """Where something goes: directly after `after`, or first where that is None. `scene` is needed for a shot that
    goes first in its scene.
    """

    after: Annotated[str, Field(max_length=40)] | None = None
    scene: Id | None = None
