"""What a request carries when it is sent: URLs that die with the job's time, and are kept nowhere."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from control.render.request import dispatch
from control.store.folder import FolderStore
from control.store.served import WEEK_S, ServedFolder, Signer
from functions.contract.job import JobRequest
from tests.servers.jobs import STUDIO, request, upload

pytestmark = pytest.mark.anyio
NOW = 1_800_000_000_000


def job(**changes: Any) -> JobRequest:
    """A stored request, a minute before it may no longer begin, an hour and ten before it ends."""
    times: dict[str, Any] = {"start_by": NOW + 300_000, "deadline_s": 3600, "expires_at": NOW + 4_500_000, **changes}
    return request("write", inputs={"data": upload(b"x")}, transport="presigned", **times)


async def sent(tmp_path: Path, stored: JobRequest) -> JobRequest:
    store = ServedFolder(tmp_path, Signer(b"k" * 32, "https://studio.example.org", lambda: NOW))
    return await dispatch(stored, 1, store, STUDIO, NOW)


def life(url: str | None) -> int:
    """How many seconds a URL lives from now on."""
    return int(parse_qs(urlsplit(url or "").query)["expires"][0]) - NOW // 1000


async def test_urls_live_as_long_as_they_may_be_used(tmp_path: Path) -> None:
    found = await sent(tmp_path, job())
    held = found.reserved
    assert 300 <= life(held.started.put_url) <= 310
    written = [*found.outputs.values(), held.result, held.progress, held.preview]
    urls = [ref.get_url for ref in found.inputs.values()]
    urls += [url for ref in written for url in (ref.get_url, ref.put_url)]
    lives = [life(url) for url in (*urls, *held.work.put_urls.values())]
    assert len(lives) >= 9
    assert all(4500 <= each <= 4510 for each in lives)


async def test_no_url_lives_longer_than_seven_days(tmp_path: Path) -> None:
    found = await sent(tmp_path, job(expires_at=NOW + 30 * WEEK_S * 1000))
    assert life(found.reserved.result.put_url) == WEEK_S


async def test_urls_say_what_may_be_written(tmp_path: Path) -> None:
    found = await sent(tmp_path, job())
    queries = {
        name: parse_qs(urlsplit(ref.put_url or "").query)
        for name, ref in {**found.outputs, "result": found.reserved.result, "progress": found.reserved.progress}.items()
    }
    assert {name: query["create"] for name, query in queries.items() if query["create"] == ["0"]} == {"progress": ["0"]}
    for name, ref in found.outputs.items():
        assert (queries[name]["max"], queries[name]["type"]) == ([str(ref.max_bytes)], [ref.content_type])


async def test_what_a_job_may_keep_is_signed_for_writing_over_and_for_reading(tmp_path: Path) -> None:
    found = await sent(tmp_path, job(keeps={"checkpoint.safetensors": 5000}))
    work = found.reserved.work
    query = parse_qs(urlsplit(work.put_urls["checkpoint.safetensors"]).query)
    assert (query["create"], query["max"]) == (["0"], ["5000"])
    assert life(work.get_urls["checkpoint.safetensors"]) >= 4500
    assert work.key in work.get_urls["checkpoint.safetensors"]


async def test_what_is_stored_holds_no_url(tmp_path: Path) -> None:
    stored = job()
    found = await sent(tmp_path, stored)
    assert "https://studio" not in json.dumps(stored.wire())
    assert "https://studio" in json.dumps(found.wire())
    assert "https://studio" not in repr(found)


async def test_a_door_that_holds_the_folder_gets_none(tmp_path: Path) -> None:
    stored = job().model_copy(update={"transport": "bucket"})
    found = await dispatch(stored, 1, FolderStore(tmp_path), STUDIO, NOW)
    assert "put_url" not in json.dumps(found.wire())
