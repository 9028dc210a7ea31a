"""What a door is started with, and what it hands to its workers."""

from pathlib import Path
from typing import Annotated

from nacl.signing import VerifyKey
from pydantic import Field

from functions import catalog
from functions.catalog import Catalog
from functions.contract.base import Strict
from functions.runtime.verify import Trust, origin

PublicKey = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class DoorSettings(Strict):
    """`store` is a folder, or `s3://bucket`; without one the door takes presigned jobs only.

    `keys` are the Studio's public Ed25519 keys in hex, two while it changes them. `grace_s` is how long a job that was
    stopped may take to end by itself before its processes are killed; `drain_s` how long running jobs may go on after
    SIGTERM. `warm` workers load their engines before the first job; `host` is the provider's name of this machine.
    """

    door: str
    data: Path
    keys: Annotated[tuple[PublicKey, ...], Field(min_length=1, max_length=2)]
    engines: tuple[str, ...] = ()
    store: str = ""
    origins: tuple[str, ...] = ()
    catalog: Path | None = None
    workers: int = 1
    grace_s: float = 5.0
    drain_s: float = 30.0
    warm: bool = False
    host: str = ""

    @property
    def scratch(self) -> Path:
        """Where workers keep what they work on."""
        return self.data / "scratch"

    @property
    def cache(self) -> Path:
        """Where engines keep what they made ready, for later jobs and workers."""
        return self.data / "cache"

    def manifests(self) -> Catalog:
        """The engines that this door serves. Raises `ValueError` for one it does not know or cannot run."""
        known = catalog.read_folder(self.catalog) if self.catalog else catalog.builtin()
        wanted = self.engines or tuple(n for n, m in known.engines.items() if m.entry)
        missing = [name for name in wanted if name not in known or not known[name].entry]
        if missing:
            raise ValueError(f"this release cannot run {', '.join(missing)}")
        return Catalog({name: known[name] for name in wanted})

    def trust(self) -> Trust:
        """What requests are checked against. Raises `ValueError` as `manifests`, and for what is no origin."""
        origins = {text: origin(text) for text in self.origins}
        if "" in origins.values():
            raise ValueError(f"{next(t for t, o in origins.items() if not o)!r} is not scheme://host[:port]")
        return Trust(
            door=self.door,
            keys=tuple(VerifyKey(bytes.fromhex(key)) for key in self.keys),
            catalog=self.manifests(),
            origins=frozenset(origins.values()),
            bucket=bool(self.store),
        )
