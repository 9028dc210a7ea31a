"""Node packages for tests: installed once, from a lock, beside the Python ones. Without node or npm there are none."""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

NODE = 22
"""The oldest major version that the packages run on; a newer one than the system's comes with them."""
INSTALL_S = 300
QUIET = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


class Unavailable(Exception):
    """There is no node here, or its packages cannot be had. Says why."""


def installed(source: Path) -> tuple[Path, Path]:
    """(node, folder of the packages) for the lock in `source`; installs them the first time. Raises `Unavailable`."""
    lock = (source / "package-lock.json").read_bytes()
    home = Path(sys.prefix) / "node" / f"{source.name}-{hashlib.sha256(lock).hexdigest()[:12]}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / ".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # test processes that start at once install once
        if not (home / ".done").exists():
            _install(source, home)
            (home / ".done").touch()
    return _node(home), home


def _install(source: Path, home: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Unavailable("there is no npm on this machine")
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(source / name, home / name)
    try:
        subprocess.run([npm, "ci", *QUIET], cwd=home, capture_output=True, text=True, timeout=INSTALL_S, check=True)
    except subprocess.CalledProcessError as error:
        raise Unavailable(f"npm could not install the packages: {error.stderr.strip()[-300:]}") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"npm could not install the packages: {error}") from error


def _node(home: Path) -> Path:
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    bundled = home / "node_modules" / f"node-{sys.platform}-{machine}" / "bin" / "node"
    for found in (bundled, shutil.which("node")):
        if found is not None and _major(Path(found)) >= NODE:
            return Path(found)
    raise Unavailable(f"there is no node {NODE} on this machine")


def _major(node: Path) -> int:
    if not os.access(node, os.X_OK):
        return 0
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    match = re.match(r"v(\d+)\.", said)
    return int(match[1]) if match else 0
