"""A local door, whose `run` may be sent again."""

from dataclasses import replace
from pathlib import Path

import pytest

from functions.contract.job import JobRequest, JobResult
from tests.control.render.bench import ONE, bench, cheaper

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("what", ["swallow", "drop", "break", "nonsense"])
async def test_a_local_door_is_sent_the_same_job_again(tmp_path: Path, what: str) -> None:
    async with bench(tmp_path, cheaper(repeatable=True, price_u=0)) as b:
        b.door.run = [what]
        view = await b.run_out(await b.start(ONE))
        assert view.state == "done"
        assert len(b.door.accepted) == 1
        assert len(await b.jobs()) == 1


async def test_a_local_door_that_refuses_what_it_may_have_taken_before_is_asked_for_it(tmp_path: Path) -> None:
    async with bench(tmp_path, cheaper(repeatable=True)) as b:
        b.door.run = ["swallow", "reject"]
        render = await b.start(ONE)
        await b.turn(times=4, ms=3000)
        assert [(j["state"], j["handle"]) for j in await b.jobs()] == [("submitted", b.door.accepted[0])]
        assert (await b.run_out(render)).state == "done"


async def test_a_local_door_too_busy_for_what_it_may_have_taken_before_still_hears_of_the_cancel(
    tmp_path: Path,
) -> None:
    async with bench(tmp_path, cheaper(repeatable=True)) as b:
        b.door.run = ["swallow", "busy"]
        render = await b.start(ONE)
        await b.turn(times=2, ms=3000)
        await b.studio.cancel(render)
        await b.turn(times=4, ms=3000)
        assert b.door.job(b.door.accepted[0]).cancelled == 1
        assert (await b.jobs())[0]["state"] == "cancelled"


@pytest.mark.parametrize(("first", "sealed"), [(["swallow"], True), ([], False)], ids=["sent twice", "sent once"])
async def test_a_job_that_may_be_on_its_way_still_finds_a_result_where_its_door_ended_it_without(
    tmp_path: Path, first: list[str], sealed: bool
) -> None:
    async with bench(tmp_path, cheaper(repeatable=True)) as b:
        b.door.run = list(first)
        render = await b.start(ONE)
        await b.turn(times=2, ms=3000)
        await b.studio.cancel(render)
        await b.turn(times=4, ms=3000)
        job = (await b.jobs())[0]
        request = JobRequest.model_validate_json(job["request"])
        assert (job["state"], job["posts"]) == ("cancelled", 1 + len(first))
        assert (await b.store.head(request.reserved.result.key) is not None) == sealed
        if sealed:
            result = JobResult.model_validate_json(await b.store.read(request.reserved.result.key))
            assert (result.status, result.job_id, result.fingerprint) == ("cancelled", request.job_id, job["fp"])


async def test_a_local_door_that_never_took_it_gets_it_again(tmp_path: Path) -> None:
    async with bench(tmp_path, cheaper(repeatable=True)) as b:
        render = await b.start(ONE)
        await b.turn()
        b.door.jobs.clear()  # the same queue, but without the job
        await b.turn(times=3)
        first = (await b.jobs())[0]
        assert (first["state"], first["charge_u"]) == ("never_started", 0)
        assert (await b.run_out(render)).state == "done"


async def test_a_local_door_whose_queue_is_gone_has_lost_it(tmp_path: Path) -> None:
    async with bench(tmp_path, replace(cheaper(repeatable=True), rerun_lost=True)) as b:
        render = await b.start(ONE)
        await b.turn()
        b.door.jobs.clear()
        b.door.instance = "queue-2"
        await b.turn(times=3)
        assert (await b.jobs())[0]["state"] == "lost"
        assert (await b.run_out(render)).state == "done"
