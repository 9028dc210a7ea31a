"""The bench: what it does before a process has its engine."""

import json
from pathlib import Path

import pytest

from functions.contract.errors import ExecutionsSpent
from functions.contract.job import JobRequest
from functions.serve.bench import Bench, Left
from functions.serve.settings import DoorSettings
from tests.servers.engines import MANIFEST
from tests.servers.jobs import DOOR, STUDIO, request

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """Coroutine tests run on asyncio."""
    return "asyncio"


@pytest.fixture
async def closed(tmp_path: Path) -> Bench:
    """A bench that gets no process any more: as one whose container ends while an engine is loaded."""
    for name in ("store", "catalog"):
        (tmp_path / name).mkdir()
    (tmp_path / "catalog" / "echo.toml").write_text(MANIFEST)
    keys = (bytes(STUDIO.verify_key).hex(),)
    settings = DoorSettings(
        door=DOOR, data=tmp_path / "door", keys=keys, store=str(tmp_path / "store"), catalog=tmp_path / "catalog"
    )
    found = Bench(settings, settings.trust())
    await found.close()
    return found


def mark(tmp_path: Path, job: JobRequest, number: int) -> Path:
    return tmp_path / "store" / job.reserved.work.key / f"execution-{number}.json"


async def test_executions_are_counted_before_an_engine_is_loaded_and_end(closed: Bench, tmp_path: Path) -> None:
    job = request("write:hello", executions=2)
    for number in (1, 2):
        with pytest.raises(Left):
            await closed.run(job, handle=f"call-{number}")
        assert json.loads(mark(tmp_path, job, number).read_text())["since"] > 0
    assert (tmp_path / "store" / job.reserved.started.key).exists()
    with pytest.raises(ExecutionsSpent):
        await closed.run(job)
    assert not (tmp_path / "store" / job.reserved.result.key).exists()


async def test_a_job_that_may_not_begin_waits_for_no_process(closed: Bench) -> None:
    late = request("write:hello", start_by=1)
    result = await closed.run(late)
    assert (result.status, result.error and result.error.code) == ("failed", "too_late")
