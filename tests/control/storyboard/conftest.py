"""The example film, as text and as read."""

from pathlib import Path

import pytest

from control.storyboard import text
from control.storyboard.models import Storyboard

EXAMPLES = Path(__file__).parents[3] / "examples"


@pytest.fixture(scope="session")
def lighthouse_text() -> str:
    return (EXAMPLES / "lighthouse.yaml").read_text("utf-8")


@pytest.fixture(scope="session")
def lighthouse(lighthouse_text: str) -> Storyboard:
    return text.read(lighthouse_text).board
