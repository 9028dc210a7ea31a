"""Secrets of doors: each in a file of its own that only its owner may read, or in a variable of the environment.

Neither is in the database, in a log or in an answer.
"""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from control.errors import Invalid, StudioError

FILE = "file"
"""The place of a secret that lies in `ID.token`; with `:GENERATION`, in `ID.GENERATION.token`."""
ENV = "env:"
LONGEST = 512
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{2,63}")
PAIR = re.compile(r"[^:]+:[^:]+")


def check(text: str, *, pair: bool) -> str:
    """The secret without blanks around it. Raises `Invalid` for what can be none, and never repeats it."""
    text = text.strip()
    if not text:
        raise Invalid("the secret is empty")
    if len(text) > LONGEST:
        raise Invalid(f"the secret has {len(text)} characters; more than {LONGEST} is no secret of a door")
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise Invalid("the secret has characters that no secret has; copy it again")
    if pair and PAIR.fullmatch(text) is None:
        raise Invalid("the secret is a pair: write ID:SECRET, such as wk-...:ws-...")
    return text


class Secrets:
    """The files in one folder, and the environment."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder, self._environ = folder, environ

    def write(self, door_id: str, text: str) -> str:
        """Keep a door's secret in a new file, beside those it had, and say its place. Raises `StudioError`."""
        place = f"{FILE}:{secrets.token_hex(4)}"
        path = self._path(door_id, place)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            scratch = path.with_name(f".{path.name}")
            with os.fdopen(
                os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii"
            ) as file:
                file.write(text + "\n")
            scratch.replace(path)
        except OSError as error:
            raise StudioError(f"the secret of the door {door_id} cannot be kept: {error}") from error
        return place

    def read(self, door_id: str, place: str) -> str:
        """A door's secret. Raises `StudioError` saying where it should be."""
        if place.startswith(ENV):
            name = place.removeprefix(ENV)
            if not (found := self._environ.get(name, "").strip()):
                raise StudioError(f"the secret of the door {door_id} should be in {name}, which is not set")
            return found
        try:
            return self._path(door_id, place).read_text("ascii").strip()
        except (OSError, ValueError) as error:
            raise StudioError(
                f"the secret of the door {door_id} cannot be read: {error}; add the door again"
            ) from error

    def forget(self, door_id: str, place: str) -> None:
        """Remove the file at a place, if there is one."""
        if not place.startswith(ENV):
            self._path(door_id, place).unlink(missing_ok=True)

    def _path(self, door_id: str, place: str) -> Path:
        generation = place.removeprefix(FILE).replace(":", ".")
        return self._folder / f"{door_id}{generation}.token"


def place_of(variable: str) -> str:
    """Where a secret lies, as the database says it. Raises `Invalid` for a name that no variable has."""
    if VARIABLE.fullmatch(variable) is None:
        raise Invalid(f"{variable!r} is no name of a variable; write one such as RUNPOD_API_KEY")
    return ENV + variable


def words(place: str) -> str:
    """A place as a person reads it."""
    return place.removeprefix(ENV) if place.startswith(ENV) else "a file of the Studio"
