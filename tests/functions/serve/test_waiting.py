"""Which of the waiting jobs a free worker takes."""

import asyncio

import pytest

from functions.serve.queue import Entry
from functions.serve.waiting import PASSES, Place, Waiting
from tests.servers.jobs import request

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def entry(engine: str, number: int) -> Entry:
    job = request(f"write:{number}").model_copy(update={"engine": engine})
    return Entry(job, digest="", accepted=number)


def line(*engines: str) -> tuple[Waiting, list[Entry]]:
    waiting, entries = Waiting(), [entry(engine, n) for n, engine in enumerate(engines)]
    for each in entries:
        waiting.put(each)
    return waiting, entries


async def took(waiting: Waiting, place: Place) -> int:
    return (await waiting.take(place)).accepted


async def test_jobs_of_one_engine_are_taken_in_the_order_of_their_coming() -> None:
    waiting, _ = line("voice", "voice", "voice")
    one, other = waiting.join(), waiting.join()
    assert [await took(waiting, place) for place in (one, other, one)] == [0, 1, 2]


async def test_a_worker_takes_what_it_has_loaded_then_what_no_other_has() -> None:
    waiting, _ = line("voice", "voice", "paint", "voice", "paint")
    one, other = waiting.join(), waiting.join()
    assert [await took(waiting, place) for place in (one, other, one, other)] == [0, 2, 1, 4]
    assert await took(waiting, other) == 3


async def test_what_only_others_have_is_taken_rather_than_nothing() -> None:
    waiting, _ = line("voice", "voice")
    one, other = waiting.join(), waiting.join()
    assert [await took(waiting, one), await took(waiting, other)] == [0, 1]


async def test_nobody_is_passed_over_for_ever() -> None:
    waiting, _ = line("voice", *["paint"] * (PASSES + 2), "voice")
    one, other = waiting.join(), waiting.join()
    other.loaded.add("voice")
    one.loaded.add("paint")
    assert [await took(waiting, one) for _ in range(PASSES + 1)] == [1, 2, 3, 0]


async def test_a_new_job_goes_to_the_idle_worker_that_is_ready_for_it() -> None:
    waiting, _ = line()
    one, other = waiting.join(), waiting.join()
    other.loaded.add("voice")
    idle = {place: asyncio.ensure_future(waiting.take(place)) for place in (one, other)}
    await asyncio.sleep(0)
    for number, engine in enumerate(("voice", "voice")):
        waiting.put(entry(engine, number))
    assert [(await idle[other]).accepted, (await idle[one]).accepted] == [0, 1]


async def test_a_worker_that_is_gone_has_nothing_loaded() -> None:
    waiting, _ = line("voice", "paint")
    one, other = waiting.join(), waiting.join()
    one.loaded.add("voice")
    waiting.leave(one)
    assert await took(waiting, other) == 0


async def test_a_job_given_to_a_worker_that_stops_at_that_moment_is_kept() -> None:
    waiting, _ = line()
    one, other = waiting.join(), waiting.join()
    stopped = asyncio.ensure_future(waiting.take(one))
    await asyncio.sleep(0)
    waiting.put(entry("voice", 7))
    stopped.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopped
    assert await took(waiting, other) == 7
