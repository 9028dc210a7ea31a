"""A Studio with its door, a browser that is logged in, and a film that was made in it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.servers.browser import chromium
from tests.servers.studio import RunningStudio, studio

BOARD = """storyboard: 1
title: Night Porter
places:
  hall: {look: a long hall with two doors, ambience: low hum}
cast:
  ada: {name: Ada, look: "a tall woman in a grey coat"}
scenes:
  - id: s1
    heading: INT. HALL - NIGHT
    place: hall
    shots:
      - {id: wide, size: wide, seconds: 1, camera: push, action: Two doors at the end of a hall.}
      - {id: turn, size: medium, seconds: 1.5, who: {ada: left}, action: Ada turns her head.,
         lines: [{ada: "Which?"}]}
"""
WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
MADE_MS = 240_000
LISTENS = """
window.heard = [];
for (const name of ['before:connection', 'after:connection', 'after:message', 'error', 'close'])
  document.addEventListener('htmx:sse:' + name, event => heard.push(
    name + ' ' + (event.detail?.error ?? event.detail?.reason ?? event.detail?.message?.event ?? '') + ' ' +
    (document.hidden ? 'hidden' : 'seen')));
"""
"""What a page's live stream went through, for who asks why nothing came."""


@dataclass
class Log:
    """What a browser complained about, and where it went."""

    problems: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    data = tmp_path_factory.mktemp("studio")
    with studio(data, True, door=True, runner=True, workers=2) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def log() -> Log:
    return Log()


@pytest.fixture(scope="module")
def context(browser: Browser, running: RunningStudio) -> Iterator[BrowserContext]:
    """A browser that came in by the one-time link."""
    found = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=running.url)
    page = found.new_page()
    page.goto(running.link())
    expect(page).to_have_url(running.url + "/")
    page.close()
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext, log: Log) -> Iterator[Page]:
    """A page whose complaints are kept."""
    found = context.new_page()
    found.on("console", lambda m: log.problems.append(m.text) if m.type in ("error", "warning") else None)
    found.on("pageerror", lambda error: log.problems.append(str(error)))
    found.on("request", lambda request: log.hosts.add(request.url.split("/")[2]))
    yield found
    found.close()


@pytest.fixture(scope="module")
def film(context: BrowserContext, running: RunningStudio) -> str:
    """The path of a film that was written in the page and rendered; the way there is watched without reloading."""
    page = context.new_page()
    page.add_init_script(LISTENS)
    page.goto("/new")
    page.get_by_label("Storyboard or screenplay").fill(BOARD)
    page.get_by_role("button", name="Make this a film").click()
    page.wait_for_url("**/films/*")
    page.get_by_role("button", name="Render the film").click()
    expect(page.locator("#now")).to_contain_text("Rendering")
    page.evaluate("window.kept = true")
    seen = set()
    for _ in range(MADE_MS // 200):
        seen.add(page.locator("#now progress").get_attribute("value"))
        if page.locator("#screen video").count():
            break
        page.wait_for_timeout(200)
    path = page.url.removeprefix(str(page.evaluate("location.origin")))
    with running.client() as client:
        said = f"the Studio says {client.get(f'/api{path}/renders').text}, the page heard {page.evaluate('heard')}"
    expect(page.locator("#now"), said).to_contain_text("Finished", timeout=10_000)
    assert page.evaluate("window.kept") is True, "the page was loaded again"
    assert len(seen) > 1, f"progress did not move: {seen}; {said}"
    page.close()
    return path
