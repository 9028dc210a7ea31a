"""The pages in a real browser: from the login link to a film that plays."""

import re

import pytest
from playwright.sync_api import Browser, BrowserContext, FilePayload, Page, expect

from tests.control.api.test_media import png
from tests.control.web.conftest import BOARD, PHONE, WIDE, Log
from tests.servers.studio import RunningStudio

PLAYS = """async video => {
  video.muted = true
  await video.play()
  for (let n = 0; n < 100 && video.currentTime < 0.3; n++) await new Promise(done => setTimeout(done, 100))
  return [video.canPlayType('video/mp4'), video.currentTime, video.videoWidth, video.duration]
}"""
CUES = """async video => {
  const track = video.textTracks[0]
  track.mode = 'showing'
  for (let n = 0; n < 50 && !track.cues?.length; n++) await new Promise(done => setTimeout(done, 100))
  return [...track.cues].map(cue => cue.text)
}"""


def plays(page: Page, video: str) -> None:
    can, moved, width, duration = page.locator(video).evaluate(PLAYS)
    assert can
    assert moved >= 0.3
    assert width == 1280
    assert duration > 0.9


def test_the_film_plays_with_its_captions_and_downloads(page: Page, film: str) -> None:
    page.goto(film)
    plays(page, "#screen video")
    assert any("Which?" in cue for cue in page.locator("#screen video").evaluate(CUES))
    for name in ("Film", "Captions SRT", "Captions VTT", "Poster", "Mix"):
        link = page.locator("#downloads a", has_text=name).first
        answer = page.request.get(str(link.get_attribute("href")))
        assert answer.ok
        assert answer.headers["content-disposition"].startswith("attachment")


def test_news_from_the_studio_leaves_what_plays_alone(page: Page, film: str) -> None:
    page.goto(film)
    page.locator("#screen video").evaluate("video => { video.kept = true; video.muted = true; return video.play() }")
    with page.expect_response("**/screen"):
        page.locator("#events").dispatch_event("change")
    page.wait_for_timeout(300)
    assert page.locator("#screen video").evaluate("video => video.kept && !video.paused")


def test_shots_show_their_label_picture_and_takes(page: Page, film: str) -> None:
    page.goto(film)
    shots = page.locator(".shot")
    assert shots.locator(".slate").all_inner_texts() == ["1A", "1B"]
    for image in shots.locator("img").all():
        image.scroll_into_view_if_needed()
        expect(image).to_have_js_property("naturalWidth", 1280)
    page.get_by_role("link", name="Ada turns her head.").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("1B")
    expect(page.locator(".page")).to_contain_text("Which?")
    plays(page, ".screen video")
    plays(page, ".take video")
    assert page.locator(".take audio").count() == 1
    page.get_by_role("link", name="1A").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("1A")


def test_rendering_again_says_that_nothing_is_made(page: Page, film: str) -> None:
    page.goto(film)
    expect(page.locator("#quote")).to_contain_text("Everything is made already")
    page.get_by_role("button", name="Render the film").click()
    expect(page.locator("#now")).to_contain_text("Finished", timeout=30_000)
    expect(page.locator("#now")).to_contain_text("already made")


def test_a_page_whose_live_events_are_cut_off_still_goes_on(context: BrowserContext, film: str) -> None:
    page = context.new_page()
    page.route("**/events?*", lambda route: route.abort())
    page.goto(film)
    page.get_by_role("button", name="Render the film").click()
    expect(page.locator("#now")).to_contain_text("Finished", timeout=60_000)
    page.close()


def test_an_edited_storyboard_says_what_is_to_be_made(page: Page, film: str) -> None:
    page.goto(film)
    page.get_by_role("link", name="Storyboard").click()
    text = page.get_by_label("Revision 1, in YAML")
    text.fill(text.input_value().replace("Two doors", "Three doors"))
    page.get_by_role("button", name="Save as a new revision").click()
    expect(page.get_by_role("link", name="Three doors at the end of a hall.")).to_be_visible()
    expect(page.locator("#quote")).to_contain_text("to make")
    page.get_by_role("button", name="Render the film").click()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#now")).to_contain_text("Cancelled", timeout=60_000)


def test_a_stale_storyboard_is_not_lost(page: Page, film: str) -> None:
    page.goto(film + "/storyboard")
    mine = page.get_by_role("textbox").input_value() + "\n# mine\n"
    page.evaluate("document.querySelector('[name=base]').value = '1'")
    page.get_by_role("textbox").fill(mine.replace("Ada turns", "Ada slowly turns"))
    page.get_by_role("button", name="Save as a new revision").click()
    expect(page.get_by_role("alert")).to_contain_text("The storyboard has changed meanwhile")
    assert "Ada slowly turns" in page.get_by_role("textbox").input_value()


def test_errors_say_path_and_line_and_keep_the_text(page: Page) -> None:
    page.goto("/new")
    wrong = BOARD.replace("size: medium", "size: medum")
    page.get_by_label("Storyboard or screenplay").fill(wrong)
    page.get_by_role("button", name="Make this a film").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("Line 13")
    expect(alert).to_contain_text("scenes[0].shots[1].size")
    assert page.get_by_label("Storyboard or screenplay").input_value().strip() == wrong.strip()


def test_a_script_file_becomes_a_film(page: Page) -> None:
    page.goto("/new")
    script = "Title: From a file\n\nINT. ROOM - DAY\n\nA lamp burns on a bare table.\n"
    upload: FilePayload = {"name": "room.fountain", "mimeType": "text/plain", "buffer": script.encode()}
    page.get_by_label("Or choose a file").set_input_files(upload)
    page.get_by_role("button", name="Make this a film").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("From a file")


def test_files_that_a_storyboard_names_are_sent_together(page: Page) -> None:
    page.goto("/new")
    board = BOARD.replace("camera: push,", "keyframe: art/door.png,").replace(
        "who: {ada: left},", "keyframe: hand.png,"
    )
    page.get_by_label("Storyboard or screenplay").fill(board)
    page.get_by_role("button", name="Make this a film").click()
    expect(page.locator("#quote")).to_contain_text("is missing")
    pictures: list[FilePayload] = [
        {"name": name, "mimeType": "image/png", "buffer": png(width, 36)}
        for name, width in (("hand.png", 64), ("door.png", 66))
    ]
    page.get_by_label("Files it needs").set_input_files(pictures)
    page.get_by_role("button", name="Send them").click()
    expect(page.locator("#quote")).to_contain_text("to make")
    assert page.get_by_label("Files it needs").count() == 0


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["1440", "390"])
def test_nothing_is_wider_than_the_window(page: Page, film: str, size: dict[str, int]) -> None:
    page.set_viewport_size({"width": size["width"], "height": size["height"]})
    for path in ("/", "/new", film, film + "/storyboard", film + "/shots/turn", "/films/none", "/login"):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
    if size is PHONE:
        page.goto(film)
        for button in page.get_by_role("button").all():
            box = button.bounding_box()
            assert box is None or box["height"] >= 24, "a target smaller than a finger (WCAG 2.2, 2.5.8)"


def test_the_keyboard_is_enough(page: Page, film: str) -> None:
    page.goto(film)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        reached.add(
            page.evaluate("document.activeElement.textContent.trim().slice(0, 30) || document.activeElement.name")
        )
    assert {"Storyboard", "Render the film", "Ada turns her head."} <= reached
    page.get_by_role("link", name="Ada turns her head.").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/shots/turn$"))


def test_motion_is_left_out_where_it_is_not_wanted(browser: Browser, running: RunningStudio) -> None:
    context = browser.new_context(reduced_motion="reduce", base_url=running.url)
    page = context.new_page()
    page.goto("/login")
    assert page.evaluate("getComputedStyle(document.querySelector('.button')).transitionDuration") == "0s"
    context.close()


def test_who_is_not_logged_in_is_asked_to(browser: Browser, running: RunningStudio, film: str) -> None:
    context: BrowserContext = browser.new_context(base_url=running.url)
    page = context.new_page()
    page.goto(film)
    expect(page.get_by_role("heading", level=1)).to_have_text("Come in")
    page.get_by_label("Or use an access token").fill(running.token("viewer"))
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Night Porter")
    context.close()


def test_browsers_had_nothing_to_complain_of(log: Log, running: RunningStudio) -> None:
    expected = ("status of 422", "status of 404", "status of 409")
    assert [said for said in log.problems if not any(known in said for known in expected)] == []
    assert log.hosts == {running.url.split("/")[2]}
