"""Real Chromium: the system's where there is one, else the one that Playwright installs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, sync_playwright

SYSTEM = Path("/usr/bin/chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
INSTALL = "no Chromium to test with; install one: .venv/bin/playwright install --with-deps chromium"


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser until the block ends. Fails the test, with the line that installs one, where there is none."""
    with sync_playwright() as playwright:
        path = SYSTEM if SYSTEM.exists() else Path(playwright.chromium.executable_path)
        if not path.exists():
            pytest.fail(INSTALL)
        try:
            browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        except Error as error:
            pytest.fail(f"{path} does not start: {error}\n{INSTALL}")
        try:
            yield browser
        finally:
            browser.close()
