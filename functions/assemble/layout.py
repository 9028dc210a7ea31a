"""Where words lie on the picture, and when."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from functions.assemble.blend import Patch, patch
from functions.assemble.lettering import CAPITAL, DESCENT, Lettering, Role, draw, em, shifted, styles, tall
from functions.contract.params import Conform, TextBlock
from functions.media.picture import active

TEXT_SAFE = 0.05
"""Share of the picture's width and height that stays free of words at each edge."""
GAP = 0.006
"""Share of the frame's height between captions and the slate below them."""
TITLE_CENTRE = 0.47
"""Optical centre: where a title's middle lies, from the top."""
UPPER = 0.1
"""Words at the top begin at most this far down."""
CARD = 0.7
"""Credits no taller than this share of the picture stand still; taller ones roll."""
TWO_LINES = 2.2
"""Ems that two lines of captions fill, capitals to descenders."""
_LABELS = ("slate", "timecode")

At = Callable[[int], Patch | None]


@dataclass(frozen=True)
class Words:
    """One block on the picture: `at(k)` gives its patch in frame `start + k`."""

    role: Role
    start: int
    frames: int
    fade: int
    at: At

    def opacity(self, frame: int) -> float:
        """0..1 over its fades; 0 outside its frames."""
        k = frame - self.start
        if not 0 <= k < self.frames:
            return 0.0
        return min(1.0, (k + 1) / (self.fade + 1), (self.frames - k) / (self.fade + 1))


def words(params: Conform) -> tuple[Words, ...]:
    """All blocks of a segment, in the order in which they are laid."""
    return tuple(_Layout(params).all())


class _Layout:
    def __init__(self, params: Conform) -> None:
        self.params, self.size = params, params.size
        self.area = active(params.size, params.picture)
        self.bottom = self.area.y + self.area.height
        self.centre = self.area.x + self.area.width / 2

    def all(self) -> Iterator[Words]:
        for block in self.params.texts:
            if any(line.strip() for line in block.lines):
                yield Words(block.role, block.start, block.frames, block.fade, self._at(block))

    def _at(self, block: TextBlock) -> At:
        if block.role == "timecode":
            return self._timecode(block)
        drawn = self._drawn(block)
        height = drawn.baseline - drawn.capital
        if block.role == "credits" and height > CARD * self.area.height:
            return self._roll(drawn, block.frames)
        if block.role == "slate":
            fixed = self._patch(drawn, self.area.x + self.area.width * TEXT_SAFE - drawn.pad, self._label_baseline())
        else:
            fixed = self._patch(drawn, self.centre - drawn.cover.shape[1] / 2, self._baseline(block, height))
        return lambda _k: fixed

    def _drawn(self, block: TextBlock) -> Lettering:
        align = "left" if block.role == "slate" else "centre"
        return draw(block.role, block.lines, self.size, self.area.width, italic=block.italic, align=align)

    def _patch(self, drawn: Lettering, x: float, baseline: float) -> Patch | None:
        return patch(drawn, round(x), round(baseline) - drawn.baseline, self.size.width, self.size.height)

    def _baseline(self, block: TextBlock, height: int) -> float:
        """The lowest baseline of a block whose capitals and lines take `height` rows."""
        if block.role == "sub" and (title := self._partner(block, "title")):
            drawn = self._drawn(title)
            below = self._baseline(title, drawn.baseline - drawn.capital)
            return below + 0.5 * em("title", self.size) + height
        if block.role == "credits" or block.at == "centre":
            return self.area.y + self.area.height * TITLE_CENTRE + height / 2
        if block.at == "upper" or self._covers_super(block):
            return self.area.y + self.area.height * min(UPPER, self._up(block.role)) + height
        lift = 1.8 * em("sub", self.size) if block.role == "title" and self._partner(block, "sub") else 0
        return self._lower(block.role) - lift

    def _up(self, role: Role) -> float:
        style = styles()[role]
        return (style.up_tall if tall(self.size) else style.up) / 1000

    def _lower(self, role: Role) -> float:
        matte, pixels = self.size.height - self.bottom, em(role, self.size)
        if role == "caption" and matte >= TWO_LINES * pixels:
            return self.bottom + (matte + TWO_LINES * pixels) / 2 - DESCENT * pixels
        baseline = self.bottom - self.area.height * self._up(role)
        if any(b.role in _LABELS for b in self.params.texts):
            label = self._label_baseline() - CAPITAL * em("slate", self.size)
            outline = styles()[role].outline / 1000 * self.size.height
            baseline = min(baseline, label - GAP * self.size.height - DESCENT * pixels - outline)
        return baseline

    def _label_baseline(self) -> float:
        return self.bottom - self.area.height * TEXT_SAFE

    def _partner(self, block: TextBlock, role: Role) -> TextBlock | None:
        return next((b for b in self.params.texts if b.role == role and _together(b, block)), None)

    def _covers_super(self, block: TextBlock) -> bool:
        other = self._partner(block, "super")
        return block.role == "caption" and other is not None and other.at == "lower"

    def _timecode(self, block: TextBlock) -> At:
        rate = self.params.rate
        base = round(rate.num / rate.den)
        first = _frame_number(block.lines[0], base)

        def at(k: int) -> Patch | None:
            text = _timecode(first + block.start + k, base)
            drawn = draw("timecode", (text,), self.size, self.area.width)
            right = self.area.x + self.area.width * (1 - TEXT_SAFE)
            return self._patch(drawn, right - drawn.cover.shape[1] + drawn.pad, self._label_baseline())

        return at

    def _roll(self, drawn: Lettering, frames: int) -> At:
        """From below the frame to above it at one speed, moved by parts of a row."""
        way = self.size.height + drawn.cover.shape[0]

        def at(k: int) -> Patch | None:
            top = self.size.height - way * (k + 0.5) / frames
            whole = int(top // 1)
            moved = shifted(drawn, top - whole)
            x = round(self.centre - drawn.cover.shape[1] / 2)
            return patch(moved, x, whole, self.size.width, self.size.height)

        return at


def _together(one: TextBlock, other: TextBlock) -> bool:
    return one.start < other.start + other.frames and other.start < one.start + one.frames


def _frame_number(text: str, base: int) -> int:
    hours, minutes, seconds, frames = (int(part) for part in text.split(":"))
    return ((hours * 60 + minutes) * 60 + seconds) * base + frames


def _timecode(number: int, base: int) -> str:
    seconds, frames = divmod(number, base)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}:{frames:02d}"
