"""The lock of tiny test checkpoints: every set below a folder, marked `random`."""

import hashlib
from pathlib import Path

NAME = "weights.toml"


def write_lock(root: Path) -> Path:
    """Lock every set (folder) below `root`; `<root>/weights.toml`."""
    lines: list[str] = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        lines += [
            f'[sets."{folder.name}"]',
            f'repository = "tests/{folder.name}"',
            'revision = "0"',
            'licence = "AGPL-3.0-only"',
            'url = "https://www.gnu.org/licenses/agpl-3.0.html"',
            'commercial = "yes"',
            "random = true",
            f'[sets."{folder.name}".files]',
        ]
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            sha = hashlib.sha256(path.read_bytes()).hexdigest()
            lines.append(f'"{path.relative_to(folder)}" = {{ sha256 = "{sha}", size = {path.stat().st_size} }}')
    lock = root / NAME
    lock.write_text("\n".join(lines) + "\n", "utf-8")
    return lock


def environment(root: Path) -> dict[str, str]:
    """What tells a worker to load from `root`, whose sets are locked anew."""
    return {"VIVIJURE_WEIGHTS": str(root), "VIVIJURE_WEIGHTS_LOCK": str(write_lock(root))}
