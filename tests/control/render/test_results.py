"""What a door or its storage says is believed only as far as it holds."""

import json

import pytest

from tests.control.render.bench import ONE, Bench

pytestmark = pytest.mark.anyio


async def test_progress_of_another_attempt_is_not_shown(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    job = b.door.job(b.door.accepted[0])
    b.door.begin(job.request.job_id)
    job.output = {"job_id": job.request.job_id, "attempt": 7, "stage": "forged"}
    await b.turn(times=3)
    assert (await b.jobs())[0]["progress"] is None
    job.output = {"job_id": job.request.job_id, "attempt": 1, "stage": "drawing", "done": 3, "total": 4, "eta_s": 2.5}
    await b.turn(times=3)
    step = (await b.view(render)).steps[0]
    assert step.progress is not None
    assert (step.state, step.progress.stage, step.progress.fraction) == ("running", "drawing", 0.75)
    assert (await b.view(render)).eta_s == 2.5


async def test_a_result_object_of_another_job_is_not_believed(b: Bench) -> None:
    render = await b.start(ONE)
    await b.turn()
    job = b.door.job(b.door.accepted[0])
    b.door.finish(job.request.job_id)
    path = b.store.root / job.request.reserved.result.key
    path.write_bytes(path.read_bytes().replace(job.request.job_id.encode(), b"x" * 24, 1))
    await b.turn(times=2)
    first = (await b.jobs())[0]
    assert (first["state"], json.loads(first["error"])["code"]) == ("failed", "bad_result")
    assert (await b.run_out(render)).state == "done"  # by another attempt


@pytest.mark.parametrize("harm", ["gone", "cut", "elsewhere"])
async def test_a_result_whose_output_is_not_as_it_says_makes_nothing_done(b: Bench, harm: str) -> None:
    render = await b.start(ONE)
    await b.turn()
    request = b.door.job(b.door.accepted[0]).request
    b.door.finish(request.job_id)
    output = b.store.root / request.outputs["lora.safetensors"].key
    if harm == "gone":
        output.unlink()
    elif harm == "cut":
        output.write_bytes(output.read_bytes()[:-1])
    else:
        result = b.store.root / request.reserved.result.key
        result.write_bytes(result.read_bytes().replace(b"/lora.safetensors", b"/result.json"))
    await b.turn(times=2)
    job = (await b.jobs())[0]
    assert (job["state"], json.loads(job["error"])["code"], job["charge_u"]) == ("failed", "output_missing", 15)
    assert not await b.db.fetch("SELECT * FROM artifact")
    assert (await b.run_out(render)).state == "done"
    assert len(b.door.accepted) == 2


async def test_a_degraded_artifact_is_used_by_its_render_and_missing_for_the_next(b: Bench) -> None:
    first = await b.start(ONE)
    await b.turn()
    b.door.finish(b.door.accepted[0], "degraded")
    await b.turn(times=3)
    view = await b.view(first)
    assert (view.state, view.steps[0].state) == ("done", "degraded")
    second = await b.start()
    assert (await b.run_out(second)).steps[0].state == "done"
    assert len(b.door.accepted) == 2


async def test_a_degraded_artifact_that_a_person_keeps_counts_for_all(b: Bench) -> None:
    first = await b.start(ONE)
    await b.turn()
    b.door.finish(b.door.accepted[0], "degraded")
    await b.turn(times=3)
    take = (await b.studio.takes((await b.view(first)).film_id)).items[0]
    assert (await b.studio.keep_take(take.id)).quality == "degraded"
    second = await b.run_out(await b.start())
    assert (second.state, second.reused, len(b.door.accepted)) == ("done", 1, 1)
