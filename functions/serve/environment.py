"""The one reader of the environment of a worker at a provider."""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from functions.serve.settings import DoorSettings

VARIABLES = {
    "VIVIJURE_DOOR_ID": "id of this door, as grants name it",
    "VIVIJURE_DOOR_KEYS": "the Studio's public keys in hex, one, or two while it changes them",
    "VIVIJURE_DOOR_ORIGINS": "`scheme://host[:port]` of every store that signed URLs may lead to",
    "VIVIJURE_DOOR_STORE": "`s3://BUCKET` with credentials in AWS_*, or a folder; none: presigned jobs only",
    "VIVIJURE_DOOR_CATALOG": "folder of engine manifests instead of the built-in ones",
    "VIVIJURE_DOOR_SCRATCH": "folder for what jobs work on; the system's own otherwise",
    "VIVIJURE_DOOR_GRACE_S": "seconds a stopped job may take to end by itself before it is killed",
    "VIVIJURE_DOOR_DRAIN_S": "seconds running jobs may go on after SIGTERM",
}
"""What each variable means. Lists are separated by blanks or commas."""


def read_environment(environ: Mapping[str, str], engines: tuple[str, ...]) -> DoorSettings:
    """The settings of a worker for these engines. Raises `ValueError` naming what is missing or wrong."""
    for name in ("VIVIJURE_DOOR_ID", "VIVIJURE_DOOR_KEYS"):
        if not environ.get(name):
            raise ValueError(f"{name} is not set: it is the {VARIABLES[name]}")
    folder = environ.get("VIVIJURE_DOOR_CATALOG")
    return DoorSettings(
        door=environ["VIVIJURE_DOOR_ID"],
        data=Path(environ.get("VIVIJURE_DOOR_SCRATCH") or Path(tempfile.gettempdir()) / "vivijure"),
        keys=_items(environ["VIVIJURE_DOOR_KEYS"]),
        engines=engines,
        store=environ.get("VIVIJURE_DOOR_STORE", ""),
        origins=_items(environ.get("VIVIJURE_DOOR_ORIGINS", "")),
        catalog=Path(folder) if folder else None,
        grace_s=float(environ.get("VIVIJURE_DOOR_GRACE_S", "5")),
        drain_s=float(environ.get("VIVIJURE_DOOR_DRAIN_S", "30")),
        warm=True,
    )


def _items(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())
