"""Lines of the lock for files that were fetched."""

import hashlib
from pathlib import Path

from functions.models.lock import lines


def test_fetched_files_are_listed_in_order_but_hidden_ones(tmp_path: Path) -> None:
    for name in ("vae/config.json", "b.safetensors", ".cache/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    assert list(lines(tmp_path)) == [
        f'"{name}" = {{ sha256 = "{hashlib.sha256(name.encode()).hexdigest()}", size = {len(name)} }}'
        for name in ("b.safetensors", "vae/config.json")
    ]
