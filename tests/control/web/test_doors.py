"""The page of doors in a real browser."""

import json
import sqlite3

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.control.web.conftest import PHONE, WIDE, Log
from tests.servers.studio import RunningStudio


def unknown(running: RunningStudio) -> None:
    """A job of unknown outcome, at a door that is closed."""
    with sqlite3.connect(running.settings.data / "studio.db") as db:
        breaker = {"failures": 3, "reason": "it gives no answer", "since": 1, "until": 2**42, "trial_until": 0}
        db.execute("UPDATE door SET breaker=? WHERE id='attic'", [json.dumps(breaker)])
        db.execute(
            "INSERT INTO job(id,fp,attempt,kind,engine,film_id,door,payer,month,state,request,charge_u,start_by,"
            "deadline_s,executions,next_poll_at,created_at,known) VALUES(?,?,1,'motion','motion-wan','f','attic','r',"
            "'2027-01','unknown','{}',700000,?,60,1,?,?,?)",
            ["j" * 24, "f" * 64, 2**42, 2**42, 1, json.dumps({"note": "the door gave no answer"})],
        )
    db.close()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_a_door_is_added_shown_closed_and_its_unknown_job_decided(
    context: BrowserContext, page: Page, running: RunningStudio, log: Log, size: dict[str, int]
) -> None:
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    page.goto("/doors")
    expect(page.locator("#door-builtin")).to_contain_text("Open")
    page.get_by_text("My own", exact=True).click()
    page.get_by_label("Name").fill("attic")
    page.get_by_label("Address").fill("http://127.0.0.1:9")
    page.get_by_label("Engines", exact=True).fill("motion-wan")
    page.get_by_label("Key or token").fill("s3cr3t")
    page.get_by_role("button", name="Add the door").click()
    card = page.locator("#door-attic")
    expect(card).to_contain_text("Open, not tested")
    card.get_by_role("button", name="Test").click()
    expect(card.locator(".checks")).to_contain_text("gives no answer")
    unknown(running)
    page.goto("/doors")
    expect(card).to_contain_text("It gives no answer.")
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
    found = page.locator("#job-" + "j" * 24)
    expect(found).to_contain_text("The door gave no answer.")
    found.get_by_role("button", name="Keep waiting").click()
    found.get_by_role("button", name="Make it again").click()
    expect(found).to_contain_text("The risk was accepted.")
    assert "s3cr3t" not in page.content()
    with sqlite3.connect(running.settings.data / "studio.db") as db:
        db.execute("DELETE FROM job WHERE door='attic'")
    db.close()
    card.get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)
    assert not log.problems


def test_what_is_wrong_with_a_door_is_said_where_it_is_added(page: Page) -> None:
    page.goto("/doors")
    page.get_by_label("Name").fill("rented")
    page.get_by_label("Engines", exact=True).fill("motion-wan")
    page.get_by_label("Key or token").fill("x")
    page.get_by_role("button", name="Add the door").click()
    expect(page.get_by_role("alert")).to_contain_text("endpoints.motion-wan")
    expect(page.get_by_label("Name")).to_have_value("rented")
    expect(page.get_by_label("Key or token")).to_have_value("")
