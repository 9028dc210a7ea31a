"""A job for engines under test: real folders and real child processes, without a door."""

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import IO

from functions.contract.errors import ContractError, EngineError
from functions.contract.manifest import EngineManifest
from functions.contract.params import Params


class LocalPipe:
    """A child fed through `stdin`; waits when its block ends, kills on an error."""

    def __init__(self, argv: Sequence[str]) -> None:
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert self.process.stdin is not None
        self.stdin: IO[bytes] = self.process.stdin

    def __enter__(self) -> "LocalPipe":
        return self

    def __exit__(self, *exc: object) -> None:
        if exc[0] is not None:
            self.process.kill()
        self.stdin.close()
        self.process.stdin = None
        _, stderr = self.process.communicate()
        if exc[0] is None and self.process.returncode:
            raise EngineError(f"{self.process.args!r} failed: {stderr.decode(errors='replace')[-2000:]}")


class LocalChildren:
    """Child processes run to their end."""

    def run(self, argv: Sequence[str], *, stdin: bytes | None = None) -> bytes:
        done = subprocess.run(argv, input=stdin, capture_output=True, check=False)
        if done.returncode:
            raise EngineError(f"{argv[0]} failed: {done.stderr.decode(errors='replace')[-2000:]}")
        return done.stdout

    def pipe(self, argv: Sequence[str]) -> LocalPipe:
        return LocalPipe(argv)


class LocalJob:
    """Implements `functions.runtime.engine.Job` below one folder; `stages` keeps what was reported."""

    def __init__(
        self,
        folder: Path,
        manifest: EngineManifest,
        params: Params,
        outputs: Sequence[str],
        inputs: Mapping[str, Path] | None = None,
        cache: Path | None = None,
    ) -> None:
        self.manifest = manifest
        self.params = params
        self.inputs: Mapping[str, Path] = MappingProxyType(dict(inputs or {}))
        self.output_names = frozenset(outputs)
        self.children = LocalChildren()
        self.scratch = folder / "scratch"
        self.cache = cache or folder / "cache"
        self.outputs = folder / "outputs"
        self.work = folder / "work"
        self.stages: list[tuple[str, int, int]] = []
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.cache.mkdir(parents=True, exist_ok=True)
        self.outputs.mkdir(parents=True, exist_ok=True)

    def output(self, name: str) -> Path:
        if name not in self.output_names:
            raise ContractError(f"the request names no output {name!r}, only {sorted(self.output_names)}")
        return self.outputs / name

    def keep(self, name: str, path: Path) -> None:
        if name not in self.manifest.keeps:
            raise ContractError(f"the manifest keeps nothing that is called {name!r}")
        self.work.mkdir(exist_ok=True)
        shutil.copy(path, self.work / name)

    def kept(self, name: str, path: Path) -> bool:
        if not (self.work / name).exists():
            return False
        shutil.copy(self.work / name, path)
        return True

    def progress(self, stage: str, done: int = 0, total: int = 0) -> None:
        self.stages.append((stage, done, total))
