"""The built-in door as a real child process."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from nacl.signing import SigningKey

from control.doors.builtin import BuiltinDoor
from control.errors import DoorError, DoorUnreachable
from functions.contract.job import JobRequest
from tests.servers import jobs
from tests.servers.door import environment, gone
from tests.servers.engines import MANIFEST

pytestmark = pytest.mark.anyio
KEY = SigningKey(b"s" * 32)
ROOT = Path(__file__).parents[3]


def builtin(folder: Path, *extra: str) -> BuiltinDoor:
    """A door that runs the echo engine."""
    catalog = folder / "catalog"
    catalog.mkdir(parents=True, exist_ok=True)
    (catalog / "echo.toml").write_text(MANIFEST)
    (folder / "objects").mkdir(exist_ok=True)
    return BuiltinDoor(
        folder / "door",
        folder / "objects",
        [bytes(KEY.verify_key).hex()],
        workers=1,
        engines=["echo"],
        extra=["--catalog", str(catalog), *extra],
    )


def job(trigger: str = "write:hello") -> JobRequest:
    return jobs.request(trigger, key=KEY, door="builtin", executions=3)


async def ended(door: BuiltinDoor, request: JobRequest) -> str:
    """The job's last status; the door may be starting meanwhile."""
    for _ in range(1500):
        try:
            answer = await door.client.status("echo", request.job_id)
        except DoorError:
            answer = None
        if answer is not None and answer.status is not None and answer.status.status not in ("IN_QUEUE", "IN_PROGRESS"):
            return answer.status.status
        await asyncio.sleep(0.02)
    raise AssertionError("the job did not end")


async def running(door: BuiltinDoor, request: JobRequest) -> None:
    for _ in range(1500):
        answer = await door.client.status("echo", request.job_id)
        if answer.status is not None and answer.status.status == "IN_PROGRESS":
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the job did not begin")


def hosted(door: BuiltinDoor) -> bool:
    return door.pid is not None


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[BuiltinDoor]:
    """A running door."""
    async with builtin(tmp_path) as found:
        yield found


async def test_it_runs_a_job_over_the_shared_folder(door: BuiltinDoor, tmp_path: Path) -> None:
    request = job()
    answer = await door.client.run(request)
    assert answer.status is not None
    assert await ended(door, request) == "COMPLETED"
    assert (tmp_path / "objects" / request.outputs["lora.safetensors"].key).read_bytes() == b"hello"


async def test_it_rings_when_a_job_lasts_and_when_it_ends(door: BuiltinDoor) -> None:
    rung: list[str] = []
    door.on_ring = rung.append
    short, long = job(), job("slow:1.3")
    await door.client.run(short)
    await ended(door, short)
    await door.client.run(long)
    await ended(door, long)
    for _ in range(200):
        if len(rung) == 3:
            break
        await asyncio.sleep(0.02)
    assert rung == [short.job_id, long.job_id, long.job_id]


async def test_the_first_request_starts_it(tmp_path: Path) -> None:
    door = builtin(tmp_path)
    try:
        await asyncio.sleep(0.1)
        assert not door.folder.exists()
        request = job()
        await door.client.run(request)
        assert hosted(door)
        assert await ended(door, request) == "COMPLETED"
    finally:
        await door.stop()
    with pytest.raises(DoorUnreachable, match="stopped"):
        await door.client.status("echo", "x")


async def test_one_that_nobody_needed_was_never_there(tmp_path: Path) -> None:
    door = builtin(tmp_path)
    await door.stop()
    assert not door.folder.exists()
    with pytest.raises(DoorUnreachable, match="stopped"):
        await door.client.status("echo", "x")
    assert not door.folder.exists()


async def test_its_secrets_are_its_owners_only(door: BuiltinDoor) -> None:
    for name in ("token", "keys", "address.json"):
        assert (door.folder / name).stat().st_mode & 0o777 == 0o600
    assert (door.folder / "token").read_text().strip() not in repr(door.client._address())


async def test_it_ends_with_its_host(tmp_path: Path) -> None:
    async with builtin(tmp_path) as door:
        pid = door.pid
        assert pid is not None
    assert gone(pid)
    with pytest.raises(DoorUnreachable):
        await door.client.status("echo", "x")


async def test_a_door_that_dies_mid_job_is_started_again_and_finishes_it(door: BuiltinDoor, tmp_path: Path) -> None:
    request = job("slow:0.5")
    await door.client.run(request)
    await running(door, request)
    pid = door.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert await ended(door, request) == "COMPLETED"
    assert door.pid != pid
    assert (tmp_path / "objects" / request.reserved.result.key).exists()


async def test_a_second_host_is_a_guest_until_the_first_goes(tmp_path: Path) -> None:
    first = builtin(tmp_path)
    async with first, builtin(tmp_path) as second:
        assert not hosted(second)
        request = job()
        await second.client.run(request)
        assert await ended(second, request) == "COMPLETED"
        await first.stop()
        again = job("write:again")
        for _ in range(1000):
            try:
                await second.client.run(again)
                break
            except DoorUnreachable:
                await asyncio.sleep(0.02)
        assert await ended(second, again) == "COMPLETED"
        assert hosted(second)


HOST = """
import asyncio, sys
from pathlib import Path
from tests.control.doors.test_builtin import builtin

async def main():
    async with builtin(Path(sys.argv[1])) as door:
        print(door.pid, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_it_does_not_outlive_a_host_that_is_killed(tmp_path: Path) -> None:
    host = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOST, str(tmp_path), stdout=subprocess.PIPE, cwd=ROOT, env=environment()
    )
    assert host.stdout is not None
    pid = int(await host.stdout.readline())
    assert not gone(pid)
    host.kill()
    await host.wait()
    for _ in range(500):
        if gone(pid):
            break
        await asyncio.sleep(0.02)
    assert gone(pid)
    async with builtin(tmp_path) as door:  # and nothing of it is in the way
        request = job()
        await door.client.run(request)
        assert await ended(door, request) == "COMPLETED"


async def test_a_door_that_an_earlier_host_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    host = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOST, str(tmp_path), stdout=subprocess.PIPE, cwd=ROOT, env=environment()
    )
    assert host.stdout is not None
    pid = int(await host.stdout.readline())
    os.kill(pid, signal.SIGSTOP)  # it will not notice that its host is gone
    host.kill()
    await host.wait()
    async with builtin(tmp_path) as door:
        assert gone(pid)
        request = job()
        await door.client.run(request)
        assert await ended(door, request) == "COMPLETED"


async def test_a_door_that_cannot_start_says_where_to_look(tmp_path: Path) -> None:
    door = builtin(tmp_path, "--no-such-option")
    with pytest.raises(DoorError, match=r"does not start; .*door\.log says why"):
        await door.__aenter__()
    assert "no-such-option" in (door.folder / "door.log").read_text()
    with pytest.raises(DoorError, match="does not start"):
        door.check()


async def test_a_request_to_a_door_that_cannot_start_says_so(tmp_path: Path) -> None:
    door = builtin(tmp_path, "--no-such-option")
    door.check()
    try:
        with pytest.raises(DoorUnreachable, match="does not start"):
            await door.client.run(job())
    finally:
        await door.stop()
