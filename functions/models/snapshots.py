"""Sets of weights on this machine: `<root>/<set>/...`, each in its publisher's layout, checked against the lock.

Files are hashed at first use. What was found is kept with each file's size, modification time and inode, in
`<root>/.checked` where that can be written, so a later process hashes again only what has changed.
"""

import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from functions.catalog import weights
from functions.catalog.weights import LockedSet, WeightsLock
from functions.contract.canonical import digest
from functions.contract.errors import EngineError
from functions.models.convert import PICKLES

ROOT, LOCK = "VIVIJURE_WEIGHTS", "VIVIJURE_WEIGHTS_LOCK"
CHECKED = ".checked"
_MARKS = TypeAdapter(dict[str, tuple[int, int, int, str]])
Mark = tuple[int, int, int, str]
"""Size, modification time in nanoseconds, inode, sha256."""


class Snapshots:
    """The sets below `root`, as `lock` names them."""

    def __init__(self, root: Path, lock: WeightsLock) -> None:
        self._root, self._lock = root, lock
        self._seen: dict[str, dict[str, Mark]] = {}

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Snapshots":
        """As `VIVIJURE_WEIGHTS` and `VIVIJURE_WEIGHTS_LOCK` say. Raises `EngineError`."""
        root = environ.get(ROOT)
        if not root:
            raise EngineError(f"no folder of weights is named: set {ROOT} to the folder that holds them")
        return cls(Path(root), _read_lock(environ.get(LOCK)))

    def folder(self, name: str) -> Path:
        """The folder of a set whose files are all there and unaltered.

        Raises `EngineError` with the name of a file that is missing or altered, or of a set that the lock lacks.
        """
        locked = self._set(name)
        if locked.pending:
            raise EngineError(
                f"the lock does not know the digest of {len(locked.pending)} files of {name} "
                f"({locked.pending[0]}, ...): fetch them and complete images/weights.toml"
            )
        folder = self._root / name
        _check_formats(name, locked)
        known = self._seen.setdefault(name, self._marks(name))
        wanted = _wanted(locked)
        found = {path: _stat(folder / path, name) for path in wanted}
        changed = [path for path in wanted if known.get(path, (0, 0, 0, ""))[:3] != found[path]]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            digests = dict(zip(changed, pool.map(lambda path: _sha256(folder / path), changed), strict=True))
        for path, sha in wanted.items():
            got = digests.get(path) or known[path][3]
            if got != sha:
                raise EngineError(f"{folder / path} is not the file that the lock names for {name}: fetch it again")
        if changed:
            known.update({path: (*found[path], digests[path]) for path in changed})
            self._keep(name, known)
        return folder

    def random(self, name: str) -> bool:
        """Whether these are test weights, which make noise. Raises `EngineError`."""
        return self._set(name).random

    def digest(self, name: str) -> str:
        """sha256 over the names and digests of the set's files. Raises `EngineError`."""
        return digest(_wanted(self._set(name)))

    def _set(self, name: str) -> LockedSet:
        try:
            return self._lock.sets[name]
        except KeyError:
            raise EngineError(f"the lock names no set {name}, only {', '.join(sorted(self._lock.sets))}") from None

    def _marks(self, name: str) -> dict[str, Mark]:
        try:
            return _MARKS.validate_json((self._root / CHECKED / f"{name}.json").read_bytes())
        except (OSError, ValidationError):
            return {}

    def _keep(self, name: str, known: dict[str, Mark]) -> None:
        folder = self._root / CHECKED
        part = folder / f"{name}.{os.getpid()}.part"
        try:
            folder.mkdir(exist_ok=True)
            part.write_bytes(_MARKS.dump_json(known))
            part.rename(folder / f"{name}.json")
        except OSError:
            return


def _read_lock(path: str | None) -> WeightsLock:
    if not path:
        return weights.builtin()
    try:
        return weights.parse(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError(f"the lock {path} that {LOCK} names cannot be read: {error}") from error


def _wanted(locked: LockedSet) -> dict[str, str]:
    """Path below the set's folder -> sha256, of what a worker loads."""
    made = (f.converted for f in locked.files.values() if f.converted)
    kept = {path: file.sha256 for path, file in locked.files.items() if file.converted is None}
    return {**kept, **{converted.path: converted.sha256 for converted in made}}


def _check_formats(name: str, locked: LockedSet) -> None:
    """Raises `EngineError` for a pickle, which is a program, not data."""
    for path in _wanted(locked):
        if Path(path).suffix in PICKLES:
            raise EngineError(
                f"{path} of {name} is a pickle and is not loaded: convert it (python -m functions.models.convert) and "
                "put what that prints into the lock"
            )


def _stat(path: Path, name: str) -> tuple[int, int, int]:
    try:
        stat = path.stat()
    except OSError as error:
        raise EngineError(f"{path} of {name} is missing ({error.strerror}): fetch the set again") from error
    return stat.st_size, stat.st_mtime_ns, stat.st_ino


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
