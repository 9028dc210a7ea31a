"""What a render looks like in a terminal: a row a shot, what runs now, what was reused, the time left."""

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from control.render.views import RenderView, ShotView, StepView

STYLES = {
    "done": ("✓", "green"),
    "degraded": ("✓", "yellow"),
    "failed": ("✗", "red"),
    "blocked": ("–", "red"),
    "cancelled": ("–", "dim"),
    "running": ("●", "cyan"),
    "unknown": ("?", "yellow"),
    "queued": ("…", "blue"),
    "ready": ("·", "dim"),
    "waiting": ("·", "dim"),
}


class Display:
    """Shows a render while it runs: a live table on a terminal, a line for each finished step elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = Live(console=console, refresh_per_second=8, transient=False) if console.is_terminal else None
        self.told: set[str] = set()
        self.every_s = 0.5 if console.is_terminal else 2.0
        """How often there is something to show."""

    def __enter__(self) -> "Display":
        if self.live is not None:
            self.live.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.live is not None:
            self.live.stop()

    def show(self, view: RenderView) -> None:
        """Bring the picture up to date."""
        if self.live is not None:
            self.live.update(table(view))
        else:
            self._tell(view)

    def _tell(self, view: RenderView) -> None:
        for step in view.steps:
            if step.state in ("done", "degraded", "failed") and not step.reused and step.path not in self.told:
                self.told.add(step.path)
                mark, _ = STYLES[step.state]
                took = f" ({step.seconds:.1f} s)" if step.seconds else ""
                reason = f": {step.reason}" if step.reason else ""
                self.console.print(
                    f"{mark} {len(self.told)}/{view.total - view.reused} {step.label or step.path}{took}{reason}",
                    highlight=False,
                    markup=False,
                )


def table(view: RenderView) -> RenderableType:
    """The whole state as rows."""
    rows = Table.grid(padding=(0, 1))
    rows.add_column(width=1)
    rows.add_column(width=5)
    rows.add_column(width=14)
    rows.add_column(min_width=22, overflow="ellipsis", no_wrap=True, ratio=1)
    rows.add_column(width=20, no_wrap=True)
    for shot in view.shots:
        rows.add_row(*_shot(shot))
    for step in view.steps:
        if step.shot is None and step.state not in ("waiting", "ready"):
            rows.add_row(*_step(step))
    return Group(Text(view.title, style="bold"), rows, Text(_footer(view), style="dim"))


def _shot(shot: ShotView) -> tuple[RenderableType, ...]:
    mark, style = STYLES[shot.state]
    doing = "reused" if shot.reused else shot.doing or shot.state
    return (
        Text(mark, style=style),
        Text(shot.label, style="bold"),
        ProgressBar(total=1.0, completed=shot.fraction, width=14),
        Text(shot.summary, style="dim" if shot.reused else ""),
        Text(doing, style=style),
    )


def _step(step: StepView) -> tuple[RenderableType, ...]:
    mark, style = STYLES[step.state]
    fraction = 1.0 if step.state == "done" else step.progress.fraction if step.progress else 0.0
    said = "reused" if step.reused else step.progress.stage if step.progress and step.state == "running" else step.state
    return (
        Text(mark, style=style),
        Text(""),
        ProgressBar(total=1.0, completed=fraction, width=14),
        Text(step.label or step.path),
        Text(said, style=style),
    )


def _footer(view: RenderView) -> str:
    parts = [f"{view.made} made", f"{view.reused} reused", f"{view.total} steps"]
    if view.failed:
        parts.append(f"{view.failed} failed")
    if view.eta_s is not None and view.state == "running":
        parts.append(f"about {view.eta_s:.0f} s left")
    if view.cost_u:
        parts.append(f"${view.cost_u / 1e6:.2f}")
    return " · ".join(parts)
