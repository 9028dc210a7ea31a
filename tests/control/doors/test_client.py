"""What each way of a door to answer means, over real connections."""

import contextlib
import gzip
import secrets
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from control.doors.client import Address, DoorClient, Manners
from control.doors.limits import Gate, Rate
from control.errors import DoorError, DoorRefused, DoorUnreachable, OutcomeUnknown
from functions.contract.job import JobRequest
from tests.servers import jobs
from tests.servers.management import Management, management
from tests.servers.paid_door import TOKEN, PaidDoor, paid_door
from tests.servers.runpod_queue import KEY, RunpodQueue, runpod_queue

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


# RunPod -------------------------------------------------------------------------------------------------------------

NOW = 1_800_000_000_000


@pytest.fixture
def queue() -> Iterator[RunpodQueue]:
    """An endpoint without workers."""
    with runpod_queue() as server:
        yield server


@pytest.fixture
def managed() -> Iterator[Management]:
    """Where its scaling is told."""
    with management("ep-test", KEY) as server:
        yield server


@pytest.fixture
async def rented(queue: RunpodQueue, managed: Management) -> AsyncIterator[DoorClient]:
    """A client of the endpoint, whose engine has another name than the endpoint."""
    base = queue.url.removesuffix("/v2/ep-test")
    manners = Manners({"echo": "ep-test"}, policy=True, management=managed.url)
    found = DoorClient(
        lambda: Address(base, KEY), "loopback", timeout=httpx2.Timeout(5), manners=manners, clock=lambda: NOW
    )
    yield found
    await found.close()


async def test_runpod_is_told_until_when_a_job_may_wait_and_run_and_where_to_ring(
    rented: DoorClient, queue: RunpodQueue
) -> None:
    request = jobs.request("write:x").model_copy(
        update={"start_by": NOW + 600_000, "deadline_s": 1800, "executions": 2, "callback": "https://s.example/bell"}
    )
    answer = await rented.run(request)
    assert answer.status is not None
    body = queue.jobs.jobs[answer.status.id].body
    assert body["policy"] == {"executionTimeout": 1_800_000, "ttl": 600_000 + 2 * 1_800_000}
    assert body["webhook"] == "https://s.example/bell"
    assert set(body) == {"input", "policy", "webhook"}


async def test_runpod_is_never_asked_to_run_and_wait(rented: DoorClient, queue: RunpodQueue) -> None:
    answer = await rented.run(jobs.request("write:x"))
    assert answer.status is not None
    await rented.status("echo", answer.status.id)
    await rented.cancel("echo", answer.status.id)
    paths = {path.split("/")[3] for _, path in queue.requests}
    assert paths == {"run", "status", "cancel"}
    assert not [path for _, path in queue.requests if "ttl" in path]


@pytest.mark.parametrize("what", ["break", "reset", "html", "huge"])
async def test_a_job_that_runpod_took_without_saying_so_is_unknown(
    rented: DoorClient, queue: RunpodQueue, what: str
) -> None:
    queue.jobs.faults.run.append(what)
    with pytest.raises(OutcomeUnknown):
        await rented.run(jobs.request("write:x"))
    assert len(queue.jobs.accepted) == 1


@pytest.mark.parametrize("what", ["busy", "reject", "redirect"])
async def test_what_runpod_refuses_was_not_taken(rented: DoorClient, queue: RunpodQueue, what: str) -> None:
    queue.jobs.faults.run.append(what)
    with pytest.raises(DoorRefused):
        await rented.run(jobs.request("write:x"))
    assert not queue.jobs.accepted


async def test_an_endpoint_that_may_start_no_worker_is_not_used(rented: DoorClient, managed: Management) -> None:
    managed.workers = {"min": 0, "max": 0}
    with pytest.raises(DoorRefused, match="ep-test may start no worker") as caught:
        await rented.able("echo")
    assert (caught.value.fields["code"], caught.value.fields["retryable"]) == ("scaled_to_zero", True)
    managed.workers = {"min": 0, "max": 1}
    await rented.able("echo")
    asked = managed.asked
    await rented.able("echo")  # known for a while
    assert managed.asked == asked


@pytest.mark.parametrize("status", [401, 403])
async def test_a_key_that_may_not_ask_for_the_scaling_may_send_jobs(
    rented: DoorClient, managed: Management, status: int
) -> None:
    managed.refuse = status
    await rented.able("echo")
    assert await rented.image("echo") == ""


async def test_management_that_fails_stops_a_submission(rented: DoorClient, managed: Management) -> None:
    managed.refuse = 500
    with pytest.raises(DoorError, match="failed with 500"):
        await rented.able("echo")


# limits and manners -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def answering(data: bytes, *, pause: float = 0.0, chunk: int = 1 << 16) -> Iterator[str]:
    """A server that answers one connection with these bytes, a chunk at a time."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.recv(65536)
                    for i in range(0, len(data), chunk):
                        connection.sendall(data[i : i + chunk])
                        stop.wait(pause)

        stop = threading.Event()
        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        stop.set()
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)
        thread.join()


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize(
    "after", ["Retry-After: 7", "Retry-After: Fri, 15 Jan 2027 08:00:07 GMT", "Retry-After: -1", "X-Nothing: 1"]
)
async def test_a_429_says_when_to_come_back_and_nothing_is_sent_before(after: str) -> None:
    gate, now = Gate({}), [NOW]
    with answering(http(b"{}", after, status="429 Too Many Requests")) as url:
        client = DoorClient(lambda: Address(url, "t"), "loopback", manners=Manners(gates=(gate,)), clock=lambda: now[0])
        with pytest.raises(DoorRefused) as caught:
            await client.run(jobs.request("write:x"))
    asked = 7000 if "7" in after else None
    assert (caught.value.fields["retryable"], caught.value.fields["retry_ms"]) == (True, asked)
    with pytest.raises(DoorRefused, match="as often as it allows") as kept:
        await client.run(jobs.request("write:x"))
    assert kept.value.fields["retry_ms"] == (asked or 5000)
    now[0] += asked or 5000
    with pytest.raises(DoorUnreachable):  # it is sent again, to a server that is gone
        await client.run(jobs.request("write:x"))
    await client.close()


async def test_a_door_is_asked_no_more_often_than_it_allows(door: PaidDoor, request_: JobRequest) -> None:
    shared, now = Gate({"status": Rate(3, 1)}), [NOW]
    clients = [
        DoorClient(
            lambda: Address(door.url, TOKEN),
            "loopback",
            manners=Manners(gates=(Gate({}), shared)),
            clock=lambda: now[0],
        )
        for _ in range(2)
    ]
    await clients[0].run(request_)
    for client in (*clients, clients[0]):
        await client.status("echo", "provider-0")
    with pytest.raises(DoorRefused) as caught:
        await clients[1].status("echo", "provider-0")
    assert caught.value.fields["kept"]
    assert len(door.state.asked) == 3
    now[0] += 1000
    await clients[1].status("echo", "provider-0")
    for client in clients:
        await client.close()


async def test_modal_is_shown_its_pair_of_tokens(request_: JobRequest) -> None:
    body = b'{"id": "abc", "status": "IN_QUEUE"}'
    with socket.create_server(("127.0.0.1", 0)) as server:
        heads: list[bytes] = []

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                heads.append(connection.recv(1 << 20))
                connection.sendall(http(body))

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        client = DoorClient(lambda: Address(url, "ws-secret", "wk-key"), "loopback")
        await client.run(request_)
        thread.join()
        await client.close()
    head = heads[0].lower()
    assert b"modal-key: wk-key\r\n" in head
    assert b"modal-secret: ws-secret\r\n" in head
    assert b"authorization" not in head


@pytest.mark.parametrize("act", ["health", "describe", "status", "run"])
async def test_a_page_instead_of_an_answer(request_: JobRequest, act: str) -> None:
    with answering(http(b"<html>Welcome</html>", "Content-Type: text/html")) as url:
        client = DoorClient(lambda: Address(url, "t"), "loopback")
        arguments = {"run": (request_,), "status": ("echo", "x")}.get(act, ("echo",))
        with pytest.raises(OutcomeUnknown if act == "run" else DoorError, match=r"no JSON|no job status"):
            await getattr(client, act)(*arguments)
        await client.close()


async def test_an_answer_about_another_job_is_not_believed(client: DoorClient, door: PaidDoor) -> None:
    await client.run(jobs.request("write:one"))
    await client.run(jobs.request("write:two"))
    door.state.jobs["provider-0"].handle = "provider-1"
    with pytest.raises(DoorError, match="answered with another"):
        await client.status("echo", "provider-0")


@pytest.mark.parametrize("handle", ["../../admin", "a/b", "", "x" * 201, "é", "a?ttl=1", "a#b", "-x", "a%2fb"])
async def test_an_id_that_would_lead_elsewhere_is_not_taken(client: DoorClient, door: PaidDoor, handle: str) -> None:
    with pytest.raises(DoorError, match="cannot be asked for"):
        await client.status("echo", handle)
    assert not door.state.asked
    with answering(http(f'{{"id": "{handle}", "status": "IN_QUEUE"}}'.encode())) as url:
        hostile = DoorClient(lambda: Address(url, "t"), "loopback")
        with pytest.raises(OutcomeUnknown, match="no job status"):
            await hostile.run(jobs.request("write:x"))
        await hostile.close()


async def test_an_answer_that_trickles_for_ever_ends(request_: JobRequest) -> None:
    with answering(http(b" " * 500), pause=0.05, chunk=1) as url:
        client = DoorClient(lambda: Address(url, "t"), "loopback", answer_s=0.3)
        with pytest.raises(OutcomeUnknown, match=r"longer than 0\.3 s"):
            await client.run(request_)
        await client.close()


async def test_an_answer_that_would_unpack_to_much_more_is_not_unpacked() -> None:
    bomb = gzip.compress(b'{"jobs": {}, "x": "' + b"0" * 50_000_000 + b'"}')
    with answering(http(bomb, "Content-Encoding: gzip", "Content-Type: application/json")) as url:
        client = DoorClient(lambda: Address(url, "t"), "loopback")
        with pytest.raises(DoorError, match="no JSON"):
            await client.health("echo")
        await client.close()


async def test_json_that_is_nested_without_end_is_no_answer() -> None:
    with answering(http(b"[" * 900_000)) as url:
        client = DoorClient(lambda: Address(url, "t"), "loopback")
        with pytest.raises(DoorError, match="no JSON"):
            await client.health("echo")
        await client.close()
