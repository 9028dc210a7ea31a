"""What an import made, and what it had to guess."""

from dataclasses import dataclass

from control.storyboard.models import Shot, Storyboard
from control.storyboard.problem import Problem
from control.storyboard.speech import EDGE, words_end

PAGE_SECONDS = 60.0
"""One page of a script is one minute of film."""
_LEAST_SECONDS = 0.5
_SHORT_SCRIPT = 0.4
"""Pages below which the rule says nothing."""


@dataclass(frozen=True, slots=True)
class Guess:
    """Something that the script does not say and the import decided."""

    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """`seconds` by the estimate of speech and action, `pages` at 55 lines, `boneyards` passages left out."""

    scenes: int
    shots: int
    seconds: float
    pages: float
    boneyards: int
    guesses: tuple[Guess, ...]
    problems: tuple[Problem, ...]

    @property
    def page_check(self) -> str:
        """One page = one minute: what the film makes of it."""
        if self.pages < _SHORT_SCRIPT:
            return f"{self.pages:.1f} pages are too few to compare with one minute a page"
        ratio = self.seconds / (self.pages * PAGE_SECONDS)
        verdict = "as expected" if 0.6 <= ratio <= 1.6 else "faster than usual" if ratio < 1 else "slower than usual"
        return f"{self.pages:.1f} pages make {self.seconds:.0f} s, {self.seconds / self.pages:.0f} s a page: {verdict}"


@dataclass(frozen=True, slots=True)
class Imported:
    """A storyboard read from a script."""

    board: Storyboard
    report: Report


def seconds(board: Storyboard) -> float:
    """Estimated length of the film."""
    return round(sum(_shot_seconds(shot) for _, shot in board.shots() if not shot.omit), 1)


def _shot_seconds(shot: Shot) -> float:
    words = words_end(shot)
    return max(shot.seconds or 0.0, words + EDGE if words else 0.0, _LEAST_SECONDS)
