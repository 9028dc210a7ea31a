"""What each way of a door to answer means, over real connections."""

import secrets
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from control.doors.client import Address, DoorClient
from control.errors import DoorError, DoorRefused, DoorUnreachable, OutcomeUnknown
from functions.contract.job import JobRequest
from tests.servers import jobs
from tests.servers.paid_door import TOKEN, PaidDoor, paid_door

pytestmark = pytest.mark.anyio


@pytest.fixture
def door(tmp_path: Path) -> Iterator[PaidDoor]:
    """A door that does as it is told."""
    with paid_door(tmp_path) as server:
        yield server


@pytest.fixture
async def client(door: PaidDoor) -> AsyncIterator[DoorClient]:
    """A client of it."""
    found = DoorClient(lambda: Address(door.url, TOKEN), "loopback", timeout=httpx2.Timeout(5, connect=1))
    yield found
    await found.close()


@pytest.fixture
def request_() -> JobRequest:
    """Any job."""
    return jobs.request("write:hello")


async def test_an_accepted_job(client: DoorClient, door: PaidDoor, request_: JobRequest) -> None:
    answer = await client.run(request_)
    assert answer.status is not None
    assert (answer.status.id, answer.status.status, answer.instance) == ("provider-0", "IN_QUEUE", "queue-1")
    assert door.state.jobs["provider-0"].request == request_
    again = await client.status(request_.engine, "provider-0")
    assert again.status == answer.status
    cancelled = await client.cancel(request_.engine, "provider-0")
    assert cancelled.status is not None
    assert cancelled.status.status == "CANCELLED"


@pytest.mark.parametrize("what", ["swallow", "drop", "break", "huge", "nonsense"])
async def test_no_usable_answer_to_a_job_means_that_nobody_knows(
    client: DoorClient, door: PaidDoor, request_: JobRequest, what: str
) -> None:
    door.state.run = [what]
    with pytest.raises(OutcomeUnknown):
        await client.run(request_)


async def test_a_timeout_after_sending_means_that_nobody_knows(request_: JobRequest) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        client = DoorClient(lambda: Address(url, TOKEN), "loopback", timeout=httpx2.Timeout(0.3))
        with pytest.raises(OutcomeUnknown, match="no answer"):
            await client.run(request_)
        with pytest.raises(DoorUnreachable):
            await client.status("echo", "x")
        await client.close()


async def test_a_refused_connection_means_not_accepted(request_: JobRequest) -> None:
    client = DoorClient(lambda: Address("http://127.0.0.1:9", TOKEN), "loopback")
    with pytest.raises(DoorUnreachable, match="cannot be reached"):
        await client.run(request_)
    await client.close()


async def test_a_door_that_is_starting_means_not_accepted(request_: JobRequest) -> None:
    client = DoorClient(lambda: None, "loopback")
    with pytest.raises(DoorUnreachable, match="starting"):
        await client.run(request_)
    await client.close()


@pytest.mark.parametrize(
    ("what", "status", "retryable"), [("busy", 429, True), ("reject", 422, False), ("redirect", 307, False)]
)
async def test_a_documented_refusal_means_not_accepted(
    client: DoorClient, door: PaidDoor, request_: JobRequest, what: str, status: int, retryable: bool
) -> None:
    door.state.run = [what]
    with pytest.raises(DoorRefused) as caught:
        await client.run(request_)
    assert (caught.value.fields["http"], caught.value.fields["retryable"]) == (status, retryable)
    assert not door.state.accepted


async def test_a_wrong_token_is_a_refusal_and_is_not_shown(door: PaidDoor, request_: JobRequest) -> None:
    address = Address(door.url, secret := secrets.token_hex(8))
    client = DoorClient(lambda: address, "loopback")
    with pytest.raises(DoorRefused) as caught:
        await client.run(request_)
    assert secret not in repr(address) + str(caught.value) + repr(caught.value.fields)
    await client.close()


async def test_a_job_the_door_does_not_know(client: DoorClient) -> None:
    answer = await client.status("echo", "nothing")
    assert (answer.status, answer.instance) == (None, "queue-1")


async def test_a_status_that_is_of_no_use(client: DoorClient, door: PaidDoor, request_: JobRequest) -> None:
    await client.run(request_)
    door.state.answers = ["500"]
    with pytest.raises(DoorError, match="failed with 500"):
        await client.status("echo", "provider-0")
    door.state.answers = ["drop"]
    with pytest.raises(DoorUnreachable):
        await client.status("echo", "provider-0")
    door.state.jobs["provider-0"].output = "x" * 2_000_000
    with pytest.raises(DoorError, match="more than 1000000 bytes"):
        await client.status("echo", "provider-0")
    door.state.jobs["provider-0"].output = None
    door.state.jobs["provider-0"].status = "SLEEPING"
    with pytest.raises(DoorError, match="no job status"):
        await client.status("echo", "provider-0")


async def test_an_endless_answer_is_cut_off(request_: JobRequest) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def pour() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
                try:
                    while True:
                        connection.sendall(b"x" * 65536)
                except OSError:
                    return

        thread = threading.Thread(target=pour)
        thread.start()
        client = DoorClient(lambda: Address(f"http://127.0.0.1:{server.getsockname()[1]}", TOKEN), "loopback")
        with pytest.raises(DoorError, match="more than"):
            await client.status("echo", "x")
        await client.close()
        thread.join()
