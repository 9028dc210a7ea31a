"""What an engine is, independent of where it runs: read from one TOML file each (see `functions.catalog`)."""

from typing import Annotated, Literal

from pydantic import Field

from functions.contract.base import EngineName, Frames, Name, Rate, Sha256, Size, StepKind, Strict, Tier

EMPTY_DIGEST = "0" * 64
MAX_KEPT = 2_000_000_000


class DurationGrid(Strict):
    """Which clip lengths an engine can make: `base + k * step` frames, at most `longest`."""

    base: Annotated[int, Field(ge=0)] = 0
    step: Annotated[int, Field(ge=1)] = 1
    shortest: Frames = 1
    longest: Frames = 100_000

    def round_up(self, frames: int) -> int:
        """The least length on the grid that holds `frames`. Raises `ValueError` beyond `longest`."""
        k = max(0, -(-(frames - self.base) // self.step))
        length = max(self.base + k * self.step, self.shortest)
        if length > self.longest:
            raise ValueError(f"{frames} frames are more than the {self.longest} this engine can make")
        return length


class Prompting(Strict):
    """How the engine wants its text. `tokens` bounds the prompt (words where no tokenizer applies)."""

    style: Literal["none", "clip", "text-to-video", "image-to-video"] = "none"
    tokens: Annotated[int, Field(ge=0)] = 0
    words: Annotated[int, Field(ge=0)] = 0
    negative: str = ""


class Needs(Strict):
    """What the hardware must have. GB are 10**9 bytes."""

    vram_gb: Annotated[int, Field(ge=0)] = 0
    ram_gb: Annotated[int, Field(ge=0)] = 1
    disk_gb: Annotated[int, Field(ge=0)] = 1
    network: bool = False


class Hosting(Strict):
    """How a provider that rents by the second should run the engine. Seconds, cores.

    `gpus` are kinds of card in order of preference, by their makers' names (`L40S`, `H100`, `A100-80GB`); none for an
    engine that needs no GPU. `idle_s` is how long a worker waits for its next job, which is billed; `startup_s` how
    long it may take to get ready. `snapshot` starts workers from a snapshot of memory with the models loaded,
    `gpu_snapshot` of the GPU's memory too.
    """

    gpus: Annotated[tuple[str, ...], Field(max_length=10)] = ()
    cores: Annotated[int, Field(ge=1, le=64)] = 2
    idle_s: Annotated[int, Field(ge=2, le=1200)] = 60
    startup_s: Annotated[int, Field(ge=10, le=3600)] = 600
    workers: Annotated[int, Field(ge=1, le=100)] = 3
    snapshot: bool = False
    gpu_snapshot: bool = False


class Capabilities(Strict):
    """What an engine can do beyond its kind."""

    native_audio: bool = False
    first_last_frame: bool = False
    driving_audio: bool = False
    layers: bool = False
    portraits: bool = False
    """Takes the portrait of each person whose face is seen, and no other reference."""
    references: Annotated[int, Field(ge=0)] = 0
    adapters: bool = False
    max_figures: int | None = None
    preview: bool = False
    vocabulary: tuple[str, ...] = ()
    """For sound engines that can only make what they know: the words they know (empty: anything)."""
    presets: tuple[str, ...] = ()
    """For voices: their names."""


class Licence(Strict):
    """Terms of the code or of one set of weights; `commercial` is our reading, with its source."""

    what: str
    name: str
    url: str = ""
    commercial: Literal["yes", "disputed", "no"]
    note: str = ""


class PriceHint(Strict):
    """Rough time and price where nothing is measured yet. Median and bound of compute seconds a unit.

    unit: `frame`, `second` (of output), `job`, `image`, `megapixel`. `tier` is the one it holds for, None for all.
    `usd` is what a unit costs where the provider charges by output, None where a door is paid by time.
    """

    unit: Literal["frame", "second", "job", "image", "megapixel"]
    median_s: float
    bound_s: float
    source: str
    tier: Tier | None = None
    usd: Annotated[float, Field(ge=0)] | None = None


class TierSpec(Strict):
    """What a tier of an engine means: the digest of exactly the weights it uses, and its numerics class."""

    recipe_digest: Sha256 = EMPTY_DIGEST
    numerics: Literal["bf16", "8bit", "exact"] = "exact"
    steps: int | None = None
    summary: str = ""


class EngineManifest(Strict):
    """One engine. `recipe` rises when a default or the visible behaviour changes.

    `entry` is `package.module:Class` of the code that runs it, empty where this release has none.
    """

    name: EngineName
    version: str
    title: str
    summary: str
    kinds: Annotated[tuple[StepKind, ...], Field(min_length=1)]
    recipe: Annotated[int, Field(ge=1)]
    entry: str = ""
    tiers: dict[Tier, TierSpec]
    durations: DurationGrid = DurationGrid()
    rates: tuple[Rate, ...] = ()
    sizes: tuple[Size, ...] = ()
    size_multiple: Annotated[int, Field(ge=2)] = 2
    prompting: Prompting = Prompting()
    needs: Needs = Needs()
    hosting: Hosting = Hosting()
    capabilities: Capabilities = Capabilities()
    licences: Annotated[tuple[Licence, ...], Field(min_length=1)]
    prices: tuple[PriceHint, ...] = ()
    keeps: dict[Name, Annotated[int, Field(ge=1, le=MAX_KEPT)]] = {}
    """What a job may put away for a later execution of itself (a checkpoint): names, and the most bytes of each."""
    deadline_s: Annotated[int, Field(ge=1, le=7 * 86_400)] = 3600
    concurrency: Annotated[int, Field(ge=1)] = 1

    def hints(self, tier: Tier) -> tuple[PriceHint, ...]:
        """The price hints that hold for a tier."""
        return tuple(hint for hint in self.prices if hint.tier in (None, tier))

    @property
    def runs(self) -> Literal["here", "on a door with a GPU", "no code in this release"]:
        """Where this release can run it: in the built-in door, on hardware of its own, or nowhere."""
        if not self.entry:
            return "no code in this release"
        return "on a door with a GPU" if self.needs.vram_gb else "here"

    @property
    def commercial(self) -> Literal["yes", "disputed", "no"]:
        """The worst verdict among the licences."""
        verdicts = {licence.commercial for licence in self.licences}
        return "no" if "no" in verdicts else "disputed" if "disputed" in verdicts else "yes"
