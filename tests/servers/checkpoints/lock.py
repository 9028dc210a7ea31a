"""The lock of tiny test checkpoints: every set below a folder, marked `random`."""

from pathlib import Path

from functions.models.lock import lines

NAME = "weights.toml"


def write_lock(root: Path) -> Path:
    """Lock every set (folder) below `root`; `<root>/weights.toml`."""
    text: list[str] = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        text += [
            f'[sets."{folder.name}"]',
            f'repository = "tests/{folder.name}"',
            'revision = "0"',
            'licence = "AGPL-3.0-only"',
            'url = "https://www.gnu.org/licenses/agpl-3.0.html"',
            'commercial = "yes"',
            "random = true",
            f'[sets."{folder.name}".files]',
            *lines(folder),
        ]
    lock = root / NAME
    lock.write_text("\n".join(text) + "\n", "utf-8")
    return lock


def environment(root: Path) -> dict[str, str]:
    """What tells a worker to load from `root`, whose sets are locked anew."""
    return {"VIVIJURE_WEIGHTS": str(root), "VIVIJURE_WEIGHTS_LOCK": str(write_lock(root))}
