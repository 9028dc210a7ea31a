"""The process beside a Studio, started and ended by hand."""

import asyncio
from pathlib import Path

import psutil
import pytest

from control.errors import StudioError
from control.settings import Settings, load
from control.worker import Worker

pytestmark = pytest.mark.anyio


def settings(folder: Path, **values: object) -> Settings:
    return load({}, **{"data": folder, "door": False, "port": 9, **values})


async def test_it_runs_as_long_as_the_block_and_stands_back(tmp_path: Path) -> None:
    async with Worker(settings(tmp_path)) as worker:
        assert worker.pid is not None
        process = psutil.Process(worker.pid)
        assert process.nice() > psutil.Process().nice()
        worker.wake()
        worker.ring("nonesuch")
        worker.ring("no/id\n{}")
        await asyncio.sleep(0.5)
        assert process.is_running()
    worker.wake()  # said to nobody
    assert not process.is_running()


async def test_one_that_does_not_start_is_said(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="does not start"):
        async with Worker(settings(tmp_path, database=str(tmp_path))):
            pass


async def test_one_that_dies_is_started_again(tmp_path: Path) -> None:
    async with Worker(settings(tmp_path)) as worker:
        first = worker.pid
        assert first is not None
        for _ in range(2):
            before = worker.pid
            assert before is not None
            psutil.Process(before).kill()
            while worker.pid in (before, None):
                await asyncio.sleep(0.05)
        assert worker.pid != first
