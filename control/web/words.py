"""How the pages say numbers, times and states."""

from collections.abc import Mapping
from datetime import UTC, datetime

from control.render.budget import price, usd
from control.render.views import QuoteGroup

STATES: Mapping[str, str] = {
    "new": "Not rendered",
    "waiting": "Waiting",
    "ready": "Next",
    "queued": "In the queue",
    "running": "Making",
    "unknown": "Outcome unknown: may have been billed",
    "done": "Made",
    "degraded": "Made, not as planned",
    "failed": "Failed",
    "blocked": "Waits for what failed",
    "paused": "Paused",
    "cancelled": "Cancelled",
}
RENDERS: Mapping[str, str] = {"running": "Rendering", "done": "Finished", "cancelling": "Stopping"}
KINDS: Mapping[str, str] = {
    "train_lora": "training",
    "keyframe": "keyframe",
    "motion": "motion",
    "dialogue": "voice",
    "speech_enhance": "voice clean-up",
    "lipsync": "lip sync",
    "interpolate": "frame rate",
    "face_restore": "faces",
    "upscale": "upscale",
    "sound": "sound",
    "score": "music",
    "conform": "cut segment",
    "mix": "mix",
    "assemble": "film",
}
"""Step kinds as a film-maker says them."""


def state(name: str) -> str:
    """A state in words."""
    return STATES.get(name, name)


def render_state(name: str, cancelling: bool = False) -> str:
    """A render's state in words."""
    return RENDERS["cancelling"] if cancelling and name in ("running", "paused") else RENDERS.get(name, state(name))


def clock(seconds: float) -> str:
    """Minutes and seconds: `0:49`, `1:02:05`."""
    whole = round(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def short(seconds: float) -> str:
    """Seconds to a tenth: `4.5 s`."""
    return f"{seconds:.1f} s"


def lasts(seconds: float) -> str:
    """A length of work: seconds to a tenth, from a minute on minutes and seconds."""
    return short(seconds) if seconds < 60 else clock(seconds)


def left(seconds: float) -> str:
    """A time that remains, in words."""
    return f"about {clock(seconds)} left" if seconds >= 1 else "almost there"


def size(count: int) -> str:
    """Bytes: `12.4 MB`."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e5 else f"{max(count / 1e3, 0.1):.1f} kB"


def month(name: str) -> str:
    """`2026-11` as `November 2026`."""
    return f"{datetime(int(name[:4]), int(name[5:]), 1, tzinfo=UTC):%B %Y}"


def known(group: QuoteGroup) -> str:
    """How the time of a quote's steps is known."""
    jobs = f"{group.samples} jobs"
    return {
        "measured": f"as measured here, {jobs}",
        "elsewhere": f"as measured at other doors, {jobs}",
        "hint": "by the catalog's estimate",
        "guess": "is a guess",
    }[group.basis]


def iso(ms: int) -> str:
    """A moment for `datetime` attributes."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds")


def day(ms: int) -> str:
    """A date: `22 Nov 2026`."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%d %b %Y}".lstrip("0")


def minute(ms: int) -> str:
    """A date and time of day in UTC."""
    return f"{day(ms)}, {datetime.fromtimestamp(ms / 1000, UTC):%H:%M} UTC"


FILTERS = {
    "state": state,
    "clock": clock,
    "short": short,
    "lasts": lasts,
    "left": left,
    "bytes": size,
    "price": price,
    "usd": usd,
    "known": known,
    "month": month,
    "kind": lambda name: KINDS.get(name, name),
    "iso": iso,
    "day": day,
    "minute": minute,
}
"""By the names that templates use."""
