"""Money in a real browser: the first budget, a quote that is accepted, the books."""

import json
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, expect

from control.db.sqlite import SqliteDatabase
from control.render.budget import month_of
from control.render.desk import wall_ms
from tests.control.web.conftest import BOARD, PHONE, WIDE, Log
from tests.servers.priced import apart, book, priced_studio
from tests.servers.studio import RunningStudio

NOW = wall_ms()


async def _books(running: RunningStudio) -> None:
    db = SqliteDatabase(running.settings.data / "studio.db")
    title = "A title that is long enough to need a second line on a phone"
    await db.batch([("INSERT INTO film(id,title,created_at,updated_at) VALUES('f',:title,0,0)", {"title": title})])
    revision = """INSERT INTO revision(film_id,n,sha256,body,author,source,reason,ops,created_at)
        VALUES('f',1,'x','{"title":"x"}','','person','','[]',0)"""
    await db.batch([(revision, {})])
    at = NOW // 3_600_000 * 3_600_000
    for n, (state, charge) in enumerate((("done", 640_000), ("done", 210_000), ("failed", 410_000))):
        await book(db, f"j{n}", state=state, charge=charge, month=month_of(NOW), at=at, ended=at + 60_000)
    await book(db, "old", month="2026-01")
    await db.close()


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStudio]:
    """A Studio whose only door costs money, with jobs in its books and no budget yet; it advances nothing."""
    with priced_studio(tmp_path_factory.mktemp("priced")) as (running, _):
        apart(_books(running))
        yield running


@pytest.fixture(scope="module")
def owner(browser: Browser, priced: RunningStudio) -> Iterator[BrowserContext]:
    found = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=priced.url)
    page = found.new_page()
    page.goto(priced.link())
    page.close()
    yield found
    found.close()


@pytest.fixture
def page(owner: BrowserContext, log: Log) -> Iterator[Page]:
    found = owner.new_page()
    found.on("console", lambda m: log.problems.append(m.text) if m.type in ("error", "warning") else None)
    found.on("pageerror", lambda error: log.problems.append(str(error)))
    yield found
    found.close()


def asked(page: Page) -> None:
    """A new film, up to the page that says what its render costs."""
    page.goto("/new")
    page.get_by_label("Storyboard or screenplay").fill(BOARD)
    page.get_by_role("button", name="Make this a film").click()
    expect(page.locator("#quote")).to_contain_text("shows the prices and asks")
    page.get_by_role("button", name="Render the film").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("What this render costs")


def test_the_first_budget_is_set_where_it_is_missed_and_the_quote_is_accepted(page: Page) -> None:
    asked(page)
    expect(page.locator(".side")).to_contain_text("No monthly budget is set yet")
    assert page.get_by_role("button", name="Spend up to").count() == 0
    expect(page.locator(".prices")).to_contain_text("$0.00116 a worker second")
    expect(page.locator(".prices")).to_contain_text("2026-08-20")
    page.get_by_label("Monthly budget in dollars").fill("$500")
    page.get_by_role("button", name="Set the budget").click()
    expect(page.locator(".side")).to_contain_text("Nothing is paid for until you accept")
    expect(page.locator(".side")).to_contain_text("of this month's $500.00 are left")
    there = page.url
    page.get_by_role("button", name="Spend up to").click()
    expect(page.locator("#now")).to_contain_text("Rendering")
    page.goto(there)
    expect(page.locator(".side")).to_contain_text("This quote was accepted")


def test_the_books_show_the_month_and_its_parts(page: Page) -> None:
    page.goto("/costs")
    expect(page.locator(".sums")).to_contain_text("$1.26")
    expect(page.locator(".sums .bad")).to_contain_text("$0.41")
    expect(page.get_by_role("region", name="Costs by engines")).to_contain_text("motion-wan")
    expect(page.get_by_role("region", name="Costs by films")).to_contain_text("A title that is long enough")
    answer = page.request.get(str(page.get_by_role("link", name="Every job as CSV").get_attribute("href")))
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.text().count("\n") == 4
    page.get_by_role("link", name="January 2026").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("January 2026")
    expect(page.locator(".sums")).to_contain_text("$1.00")


def test_a_budget_that_is_no_sum_is_refused_in_words(page: Page) -> None:
    page.goto("/costs")
    page.get_by_label("Monthly budget in dollars").fill("plenty")
    page.get_by_role("button", name="Set the budget").click()
    expect(page.get_by_role("alert")).to_contain_text("write the budget in dollars")


def test_a_bill_shows_what_no_job_accounts_for(page: Page) -> None:
    page.goto("/costs")
    page.get_by_text("Compare with a provider's bill").click()
    times = {"startTime": f"{month_of(NOW)}-01T00:00:00Z", "endTime": f"{month_of(NOW)}-01T01:00:00Z"}
    bill = json.dumps({"records": [{"serverlessId": "stray-endpoint", "totalAmount": 0.75, **times}]})
    file: FilePayload = {"name": "bill.json", "mimeType": "application/json", "buffer": bill.encode()}
    page.locator("#bill").set_input_files(file)
    page.get_by_role("button", name="Compare").click()
    beyond = page.get_by_role("region", name="Billed beyond our jobs")
    expect(beyond).to_contain_text("stray-endpoint")
    expect(beyond).to_contain_text("no door is known for it")
    expect(beyond).to_contain_text("$0.75")


def test_who_may_only_watch_is_shown_no_forms(browser: Browser, priced: RunningStudio) -> None:
    context = browser.new_context(base_url=priced.url)
    page = context.new_page()
    page.goto("/costs")
    page.get_by_label("Or use an access token").fill(priced.token("viewer"))
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".sums")).to_contain_text("$1.26")
    assert page.get_by_role("button", name="Set the budget").count() == 0
    assert page.get_by_role("button", name="Compare").count() == 0
    context.close()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1440", "390"])
def test_nothing_is_wider_than_the_window(page: Page, size: dict[str, int]) -> None:
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    asked(page)
    for path in (page.url, "/costs", "/costs?month=2026-01", "/costs?month=2020-01"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
        for button in page.get_by_role("button").all():
            box = button.bounding_box()
            assert box is None or box["height"] >= 24, "a target smaller than a finger (WCAG 2.2, 2.5.8)"


def test_a_month_that_is_none_is_an_error_page(page: Page) -> None:
    assert page.goto("/costs?month=2026-13") is not None
    expect(page.locator("main")).to_contain_text("YYYY-MM")


def test_browsers_had_nothing_to_complain_of(log: Log) -> None:
    expected = ("status of 422", "status of 404", "status of 409", "status of 400")
    assert [said for said in log.problems if not any(known in said for known in expected)] == []
