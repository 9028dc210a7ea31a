"""Where each model's weights lie while a job runs: a pure function of sizes and memory.

A job is a row of stages; models of one group are needed in the same stage. The plan is the cheapest combination of
placements that fits, by a price that does not depend on the device, so more memory never makes a worse plan.
"""

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from functions.contract.errors import OutOfMemory

Numerics = Literal["bf16", "8bit", "any"]
Placement = Literal[
    "resident",
    "model_offload",
    "group_offload",
    "reload",
    "quantised",
    "quantised_offload",
    "quantised_reload",
]
STREAMED_RAM = 1.3
"""Free RAM that streamed group offload needs, in sizes of the model: it pins a full copy."""
HEADROOM = 0.03
"""Part of the VRAM that fragments and workspaces of kernels take."""
STEP = 0.9
"""Peak of the next smaller plan, at most, relative to the one that failed."""
WINDOW = 8
"""Groups that a streamed model is taken to have where its size says nothing: two of them lie in VRAM."""


@dataclass(frozen=True)
class Kind:
    """What a placement costs. `vram` says when weights lie in VRAM: always, in their own stage, or a window of them.

    `share` of the bytes is stored, `ram` and `pinned` are kept in main memory (in shares of the stored bytes), and
    `price` is per byte, in bytes moved over PCIe.
    """

    vram: Literal["always", "stage", "window"]
    share: float
    ram: float
    pinned: float
    price: float


KINDS: Mapping[Placement, Kind] = MappingProxyType(
    {
        "resident": Kind("always", 1.0, 0.0, 0.0, 0.0),
        "model_offload": Kind("stage", 1.0, 1.0, 0.0, 1.0),
        "quantised": Kind("always", 0.5, 0.0, 0.0, 2.0),
        "quantised_offload": Kind("stage", 0.5, 0.5, 0.0, 2.5),
        "group_offload": Kind("window", 1.0, STREAMED_RAM, STREAMED_RAM, 6.0),
        "reload": Kind("stage", 1.0, 0.0, 0.0, 10.0),
        "quantised_reload": Kind("stage", 0.5, 0.0, 0.0, 12.0),
    }
)
TILING_PRICE = 100 * 10**9
"""What tiled decoding is worth avoiding, in bytes moved: its seams may blink."""


@dataclass(frozen=True)
class ModelSize:
    """A model as a plan sees it: `bytes` of weights as stored, `activation_bytes` of the largest stage it works in.

    `tiled_bytes` are its activations when it works in tiles (0: it cannot), `quantisable` says whether its linear
    layers may be stored in 8 bit, `window_bytes` what of it lies in VRAM while it is streamed (0: a quarter).
    """

    name: str
    bytes: int
    activation_bytes: int
    group: str = ""
    tiled_bytes: int = 0
    quantisable: bool = False
    window_bytes: int = 0

    @property
    def stage(self) -> str:
        """The stage it is needed in: its group, or one of its own."""
        return self.group or f"={self.name}"


@dataclass(frozen=True)
class Plan:
    """What was decided, what it was decided from, and the VRAM it is taken to need at most."""

    placements: Mapping[str, Placement]
    tiling: bool
    precision: Literal["bf16", "8bit"]
    why: str
    peak_vram_bytes: int = 0
    models: tuple[ModelSize, ...] = field(default=(), repr=False)
    vram_bytes: int = 0
    ram_bytes: int = 0
    pinnable_bytes: int = 0
    numerics: Numerics = "any"


def make_plan(
    models: Sequence[ModelSize], vram_bytes: int, ram_bytes: int, pinnable_bytes: int, numerics: Numerics = "any"
) -> Plan:
    """The cheapest plan that fits. Without VRAM everything stays in main memory.

    `numerics` bf16 forbids 8-bit storage, 8bit demands it of all that is quantisable, any leaves it open.
    Raises `OutOfMemory` where nothing fits.
    """
    memory = (vram_bytes, ram_bytes, pinnable_bytes)
    if vram_bytes == 0:
        return _on_cpu(models, memory, numerics, tiling=False)
    for tiling, placed in _by_price(models, numerics):
        if fits(models, placed, tiling, *memory):
            return _plan(models, placed, tiling, memory, numerics)
    raise OutOfMemory(
        f"no plan lets {', '.join(m.name for m in models)} run in {vram_bytes} bytes of VRAM and {ram_bytes} of RAM: "
        "use a larger device"
    )


def smaller(plan: Plan) -> Plan | None:
    """The plan for the same models with at most nine tenths of the peak; None where there is none."""
    if plan.vram_bytes == 0:
        memory = (0, plan.ram_bytes, plan.pinnable_bytes)
        return None if plan.tiling else _on_cpu(plan.models, memory, plan.numerics, tiling=True)
    less = int(plan.peak_vram_bytes * STEP)
    try:
        return make_plan(plan.models, less, plan.ram_bytes, plan.pinnable_bytes, plan.numerics) if less else None
    except OutOfMemory:
        return None


def fits(
    models: Sequence[ModelSize], placed: Mapping[str, Placement], tiling: bool, vram: int, ram: int, pinnable: int
) -> bool:
    """Whether these placements keep within VRAM less its headroom, free RAM and what of it can be pinned."""
    kinds = [(model, KINDS[placed[model.name]]) for model in models]
    if sum(m.bytes * kind.pinned for m, kind in kinds) > pinnable:
        return False
    if sum(m.bytes * kind.ram for m, kind in kinds) > ram:
        return False
    return peak(models, placed, tiling) <= vram * (1 - HEADROOM)


def peak(models: Sequence[ModelSize], placed: Mapping[str, Placement], tiling: bool) -> int:
    """Most bytes of VRAM at once: what always lies there, and the stage that needs most beside it."""
    always = 0
    stages: dict[str, int] = {}
    working: dict[str, int] = {}
    for model in models:
        kind = KINDS[placed[model.name]]
        stored = int(model.bytes * kind.share)
        own = {"always": 0, "stage": stored, "window": model.window_bytes or 2 * -(-stored // WINDOW)}[kind.vram]
        always += stored if kind.vram == "always" else 0
        stages[model.stage] = stages.get(model.stage, 0) + own
        working[model.stage] = max(working.get(model.stage, 0), _working(model, tiling))
    return always + max((stages[name] + working[name] for name in stages), default=0)


def _working(model: ModelSize, tiling: bool) -> int:
    return model.tiled_bytes if tiling and model.tiled_bytes else model.activation_bytes


def _choices(model: ModelSize, numerics: Numerics) -> list[tuple[float, Placement]]:
    """Placements that the numerics allow this model, cheapest first."""
    eight = {"bf16": {False}, "8bit": {model.quantisable}, "any": {False, model.quantisable}}[numerics]
    allowed = [name for name in KINDS if name.startswith("quantised") in eight]
    return sorted((KINDS[name].price * model.bytes, name) for name in allowed)


def _by_price(models: Sequence[ModelSize], numerics: Numerics) -> Iterator[tuple[bool, dict[str, Placement]]]:
    """All combinations of placements and tiling, cheapest first, by Lawler's enumeration of the k best."""
    rows: list[list[tuple[float, bool | Placement]]] = [list(_choices(model, numerics)) for model in models]
    rows.append([(0.0, False), (float(TILING_PRICE), True)] if any(m.tiled_bytes for m in models) else [(0.0, False)])
    first = (sum(row[0][0] for row in rows), (0,) * len(rows), 0)
    queue = [first]
    while queue:
        price, picks, moved = heapq.heappop(queue)
        chosen = [row[pick][1] for row, pick in zip(rows, picks, strict=True)]
        yield bool(chosen[-1]), {m.name: c for m, c in zip(models, chosen[:-1], strict=True)}  # type: ignore[misc]
        for at in range(moved, len(rows)):
            if picks[at] + 1 < len(rows[at]):
                more = price - rows[at][picks[at]][0] + rows[at][picks[at] + 1][0]
                heapq.heappush(queue, (more, (*picks[:at], picks[at] + 1, *picks[at + 1 :]), at))


def _plan(
    models: Sequence[ModelSize],
    placed: dict[str, Placement],
    tiling: bool,
    memory: tuple[int, int, int],
    numerics: Numerics,
) -> Plan:
    moved = [f"{name} {placement}" for name, placement in placed.items() if placement != "resident"]
    eight = any(placement.startswith("quantised") for placement in placed.values())
    why = "; ".join([*(moved or ["all resident"]), *(["tiled"] if tiling else [])])
    top = peak(models, placed, tiling)
    return Plan(
        MappingProxyType(placed), tiling, "8bit" if eight else "bf16", why, top, tuple(models), *memory, numerics
    )


def _on_cpu(models: Sequence[ModelSize], memory: tuple[int, int, int], numerics: Numerics, *, tiling: bool) -> Plan:
    placed: dict[str, Placement] = {
        model.name: "quantised" if numerics == "8bit" and model.quantisable else "resident" for model in models
    }
    return _plan(models, placed, tiling, memory, numerics)
