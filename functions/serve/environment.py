"""The one reader of the environment of a worker at a provider."""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path

from functions.contract.base import Strict
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
    "VIVIJURE_MODAL_APP": "name of the Modal app; `vivijure` otherwise",
    "VIVIJURE_MODAL_IMAGES": "`NAME=REPOSITORY@sha256:DIGEST` for each engine to deploy, and for `door`",
    "VIVIJURE_MODAL_SECRET": "name of a Modal secret with the store's credentials",
    "VIVIJURE_MODAL_REGISTRY": "name of a Modal secret with the image registry's credentials",
}
"""What each variable means. Lists are separated by blanks or commas."""
DOOR = "door"
"""Name of the web door among the images."""
PINNED = re.compile(r"[a-z0-9][a-z0-9._:/-]*@sha256:[0-9a-f]{64}")


class ModalSettings(Strict):
    """What the Modal app is made of. `images` are by the name of the engine, and `door`."""

    app: str
    images: dict[str, str]
    secret: str = ""
    registry: str = ""


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


def read_modal(environ: Mapping[str, str]) -> ModalSettings:
    """What to deploy on Modal. Raises `ValueError` for an image that is not named by its digest."""
    images: dict[str, str] = {}
    for item in _items(environ.get("VIVIJURE_MODAL_IMAGES", "")):
        name, _, image = item.partition("=")
        if not PINNED.fullmatch(image):
            raise ValueError(f"VIVIJURE_MODAL_IMAGES: {item!r} is not NAME=REPOSITORY@sha256:DIGEST; tags can move")
        images[name] = image
    if len(images.keys() - {DOOR}) < 1 or DOOR not in images:
        raise ValueError(f"VIVIJURE_MODAL_IMAGES names no image for `{DOOR}` and at least one engine")
    return ModalSettings(
        app=environ.get("VIVIJURE_MODAL_APP", "vivijure"),
        images=images,
        secret=environ.get("VIVIJURE_MODAL_SECRET", ""),
        registry=environ.get("VIVIJURE_MODAL_REGISTRY", ""),
    )


def passed_on(environ: Mapping[str, str]) -> dict[str, str]:
    """Our own variables, for containers."""
    return {name: environ[name] for name in VARIABLES if name in environ}


def _items(text: str) -> tuple[str, ...]:
    return tuple(text.replace(",", " ").split())
