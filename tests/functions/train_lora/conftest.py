from pathlib import Path

import pytest

from tests.servers.checkpoints import likeness, sdxl
from tests.servers.checkpoints.lock import environment


@pytest.fixture(scope="session")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of a worker whose weights are tiny and random, but for the face detector's."""
    root: Path = tmp_path_factory.mktemp("weights")
    sdxl.build(root)
    likeness.build(root)
    return environment(root)
