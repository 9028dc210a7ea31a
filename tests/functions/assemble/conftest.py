"""The engine on jobs of its own folders."""

from pathlib import Path

import pytest

from tests.servers.assembly import Workshop


@pytest.fixture
def make(tmp_path: Path) -> Workshop:
    """Runs the engine on parameters and inputs."""
    return Workshop(tmp_path)
