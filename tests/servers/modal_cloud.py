"""A stand-in for Modal's control plane on loopback gRPC, over the protocol that Modal's own client ships.

A real `modal deploy` deploys to it, and it runs what was deployed in real Modal containers, less the isolation: Modal's
own container entrypoint in a process of its own, with the environment that the deployment asked for. A call is run once
and again if its container dies, without end, as for deployed apps. Images are not pulled: the code is this checkout.
"""

import asyncio
import base64
import contextlib
import contextvars
import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpclib.server
from aiohttp import web
from google.protobuf.empty_pb2 import Empty
from grpclib import GRPCError, Status
from modal_proto import api_grpc, api_pb2

from functions.serve.session import kill_session
from tests.servers.door import ROOT, environment
from tests.servers.s3 import free_ports

TOKEN_ID, TOKEN_SECRET = "ak-a-token-for-tests", "as-a-secret-for-tests"
BUILDER = "2025.06"
HEARTBEAT_S = 10.0
"""How long a container's heartbeat is held open where nothing is to be told."""
POLL_S = 5.0
TASK_HEADER = "x-stand-in-task"
TASK: contextvars.ContextVar[str] = contextvars.ContextVar("task", default="")
"""The container that asks. Modal knows it by the socket that it gave the container."""


@dataclass
class CallRecord:
    """One input: a call is one input here. `tasks` are the containers it was given to."""

    id: str
    input_id: str
    function_id: str
    input: api_pb2.FunctionInput
    output: api_pb2.FunctionGetOutputsItem | None = None
    tasks: list[str] = field(default_factory=list)
    cancelled: bool = False


@dataclass
class Container:
    """One running container."""

    task_id: str
    function_id: str
    process: subprocess.Popen[bytes]
    calls: set[str] = field(default_factory=set)
    stop: deque[str] = field(default_factory=deque)
    """Inputs it is to cancel."""


@dataclass
class Deployed:
    """What `modal deploy` left: for each function by name its definition, and what its class is called."""

    functions: dict[str, api_pb2.Function] = field(default_factory=dict)
    ids: dict[str, str] = field(default_factory=dict)
    metadata: dict[str, api_pb2.FunctionHandleMetadata] = field(default_factory=dict)
    data: dict[str, api_pb2.FunctionData] = field(default_factory=dict)
    gpus: dict[str, list[str]] = field(default_factory=dict)
    """Kinds of GPU in order of preference."""
    published: api_pb2.AppPublishRequest | None = None


class ModalCloud:
    """The state, and what a test may ask or do. Everything happens on the server's own loop but `stats` and faults."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[tuple[str, Any]] = []
        """(name, request) of every RPC."""
        self.unknown: set[str] = set()
        """RPCs that were asked for and are not there."""
        self.deployed = Deployed()
        self.images: dict[str, list[str]] = {}
        """Image id -> its Dockerfile, the lines of its bases first."""
        self.secrets: dict[str, dict[str, str]] = {}
        self.named_secrets: dict[str, dict[str, str]] = {}
        """Those that a person made before, by name."""
        self.dicts: dict[str, dict[bytes, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.calls: dict[str, CallRecord] = {}
        self.waiting: deque[str] = deque()
        self.containers: dict[str, Container] = {}
        self.refuse_spawn: deque[Status] = deque()
        """How the next spawns are refused."""
        self.url = self.blob_url = ""
        self._count = 0
        self.changed: asyncio.Condition | None = None

    def new_id(self, prefix: str) -> str:
        """An id of Modal's form."""
        self._count += 1
        return f"{prefix}-{self._count:022d}"

    @property
    def client_environment(self) -> dict[str, str]:
        """How Modal's client finds this server."""
        return {
            **environment(),
            "HOME": str(self.folder),
            "MODAL_SERVER_URL": self.url,
            "MODAL_TOKEN_ID": TOKEN_ID,
            "MODAL_TOKEN_SECRET": TOKEN_SECRET,
        }

    def dockerfile(self, function: api_pb2.Function) -> list[str]:
        """What the image of a function is built from."""
        return self.images[function.image_id]

    def variables(self, function: api_pb2.Function) -> dict[str, str]:
        """What the secrets of a function say."""
        return {name: value for each in function.secret_ids for name, value in self.secrets[each].items()}

    def layout(self) -> api_pb2.AppLayout:
        """The app as containers see it."""
        done = self.deployed
        objects = [
            api_pb2.Object(object_id=done.ids[name], function_handle_metadata=done.metadata[name])
            for name in done.functions
        ]
        published = done.published
        classes = dict(published.class_ids) if published else {}
        objects += [
            api_pb2.Object(object_id=each, class_handle_metadata=api_pb2.ClassHandleMetadata())
            for each in classes.values()
        ]
        objects += [api_pb2.Object(object_id=each) for each in (*self.secrets, *self.images)]
        return api_pb2.AppLayout(objects=objects, function_ids=done.ids, class_ids=classes)

    def start_container(self, name: str) -> Container:
        """Start a container for a function."""
        function, task_id = self.deployed.functions[name], self.new_id("ta")
        arguments = api_pb2.ContainerArguments(
            task_id=task_id,
            function_id=self.deployed.ids[name],
            app_id="ap-1",
            function_def=function,
            environment_name="main",
            app_layout=self.layout(),
        )
        path = self.folder / f"{task_id}.pb"
        path.write_bytes(arguments.SerializeToString())
        own = {
            "MODAL_SERVER_URL": self.url,
            "MODAL_IS_REMOTE": "1",
            "MODAL_TASK_ID": task_id,
            "MODAL_CONTAINER_ARGUMENTS_PATH": str(path),
            "MODAL_ENVIRONMENT": "main",
            "MODAL_OVERRIDE_HEADERS": f"{TASK_HEADER}:{task_id}",
            "HOME": str(self.folder),
        }
        with (self.folder / f"{task_id}.log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-W", "ignore", "-m", "modal._container_entrypoint"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=ROOT,
                env={**environment(), **self.variables(function), **own},
            )
        container = Container(task_id, self.deployed.ids[name], process)
        self.containers[task_id] = container
        return container

    def again(self, call_id: str) -> None:
        """Give a call to a container once more, as Modal does where it takes a container for lost."""
        self.waiting.append(call_id)

    def kill(self, task_id: str) -> None:
        """As Modal ends a container: everything at once."""
        import psutil

        process = self.containers[task_id].process
        with contextlib.suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        kill_session(process.pid)
        process.wait(30)

    def preempt(self, task_id: str, grace_s: float = 30) -> None:
        """As Modal takes a machine away: an interrupt, and after 30 s of grace the end of everything."""
        process = self.containers[task_id].process
        process.send_signal(signal.SIGINT)
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.kill(task_id)

    async def keep(self) -> None:
        """The scheduler: a container for each function with inputs, and again where one died."""
        assert self.changed is not None
        while True:
            async with self.changed:
                for container in [c for c in self.containers.values() if c.process.poll() is not None]:
                    del self.containers[container.task_id]
                    lost = [i for i in container.calls if self.calls[i].output is None]
                    self.waiting.extend(lost)
                wanted = {self.calls[each].function_id for each in self.waiting}
                for function_id in wanted - {c.function_id for c in self.containers.values()}:
                    name = next(n for n, i in self.deployed.ids.items() if i == function_id)
                    self.start_container(name)
                self.changed.notify_all()
            await asyncio.sleep(0.1)


def rpc(answer: Callable[..., Any]) -> Any:
    """An RPC by a method of the same name, which gives the answer."""

    async def serve(self: "_Backend", stream: Any) -> None:
        request = await stream.recv_message()
        TASK.set(stream.metadata.get(TASK_HEADER, ""))
        self.cloud.seen.append((answer.__name__, request))
        if answer.__name__ != "ClientHello":
            self.authorize(stream.metadata)
        said = answer(self, request)
        await stream.send_message(await said if asyncio.iscoroutine(said) else said)

    return serve


def _missing(name: str) -> Any:
    async def refuse(self: "_Backend", stream: Any) -> None:
        await stream.recv_message()
        self.cloud.unknown.add(name)
        raise GRPCError(Status.UNIMPLEMENTED, name)

    return refuse


class _Backend:
    """The RPCs."""

    def __init__(self, cloud: ModalCloud) -> None:
        self.cloud = cloud

    def authorize(self, metadata: Any) -> None:
        """Clients show a token, containers say what they are."""
        container = metadata.get("x-modal-client-type") == str(api_pb2.CLIENT_TYPE_CONTAINER)
        shown = (metadata.get("x-modal-token-id"), metadata.get("x-modal-token-secret"))
        if not container and shown != (TOKEN_ID, TOKEN_SECRET):
            raise GRPCError(Status.UNAUTHENTICATED, "Token missing or wrong")

    # deploying ------------------------------------------------------------------------------------------------------

    @rpc
    def ClientHello(self, request: Any) -> Any:
        return api_pb2.ClientHelloResponse()

    @rpc
    def AuthTokenGet(self, request: Any) -> Any:
        def part(values: dict[str, Any]) -> str:
            return base64.urlsafe_b64encode(json.dumps(values).encode()).rstrip(b"=").decode()

        return api_pb2.AuthTokenGetResponse(token=f"{part({'alg': 'none'})}.{part({'exp': int(time.time()) + 3600})}.x")

    @rpc
    def EnvironmentGetOrCreate(self, request: Any) -> Any:
        settings = api_pb2.EnvironmentSettings(image_builder_version=BUILDER)
        metadata = api_pb2.EnvironmentMetadata(name="main", settings=settings)
        return api_pb2.EnvironmentGetOrCreateResponse(environment_id="en-1", metadata=metadata)

    @rpc
    def AppGetOrCreate(self, request: Any) -> Any:
        return api_pb2.AppGetOrCreateResponse(app_id="ap-1")

    @rpc
    def AppGetByDeploymentName(self, request: Any) -> Any:
        return api_pb2.AppGetByDeploymentNameResponse()

    @rpc
    def AppCreate(self, request: Any) -> Any:
        return api_pb2.AppCreateResponse(app_id="ap-1")

    @rpc
    def AppGetLayout(self, request: Any) -> Any:
        return api_pb2.AppGetLayoutResponse(app_layout=self.cloud.layout())

    @rpc
    def AppHeartbeat(self, request: Any) -> Any:
        return Empty()

    @rpc
    def AppClientDisconnect(self, request: Any) -> Any:
        return Empty()

    @rpc
    def AppPublish(self, request: Any) -> Any:
        self.cloud.deployed.published = request
        return api_pb2.AppPublishResponse(url="https://modal.test/app", deployed_at=time.time())

    @rpc
    def ImageGetOrCreate(self, request: Any) -> Any:
        lines = [line for base in request.image.base_images for line in self.cloud.images[base.image_id]]
        lines += request.image.dockerfile_commands
        image_id = "im-" + hashlib.sha256("\n".join(lines).encode()).hexdigest()[:22]
        self.cloud.images[image_id] = lines
        done = api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_SUCCESS)
        metadata = api_pb2.ImageMetadata(image_builder_version=BUILDER, python_version_info="Python 3.11")
        return api_pb2.ImageGetOrCreateResponse(image_id=image_id, result=done, metadata=metadata)

    @rpc
    def SecretGetOrCreate(self, request: Any) -> Any:
        secret_id, name = self.cloud.new_id("st"), request.deployment_name
        if name and name not in self.cloud.named_secrets:
            raise GRPCError(Status.NOT_FOUND, f"Secret {name!r} not found")
        self.cloud.secrets[secret_id] = self.cloud.named_secrets[name] if name else dict(request.env_dict)
        return api_pb2.SecretGetOrCreateResponse(secret_id=secret_id)

    @rpc
    def MountGetOrCreate(self, request: Any) -> Any:
        return api_pb2.MountGetOrCreateResponse(mount_id=self.cloud.new_id("mo"))

    @rpc
    def FunctionPrecreate(self, request: Any) -> Any:
        metadata = api_pb2.FunctionHandleMetadata(
            function_name=request.function_name, function_type=request.function_type
        )
        return api_pb2.FunctionPrecreateResponse(function_id=self._function_id(request), handle_metadata=metadata)

    def _function_id(self, request: Any) -> str:
        return str(request.existing_function_id or self.cloud.new_id("fu"))

    @rpc
    def FunctionCreate(self, request: Any) -> Any:
        function, data = api_pb2.Function(), api_pb2.FunctionData()
        data.CopyFrom(request.function_data)
        if not data.ranked_functions:
            data.ranked_functions.add(rank=0).function.CopyFrom(request.function)
        function.CopyFrom(data.ranked_functions[0].function)
        if function.webhook_config.type:
            function.web_url = "https://modal.test/door"
        methods = {
            name: api_pb2.FunctionHandleMetadata(
                function_name=each.function_name, function_type=each.function_type, is_method=True, use_method_name=name
            )
            for name, each in function.method_definitions.items()
        }
        metadata = api_pb2.FunctionHandleMetadata(
            function_name=function.function_name,
            function_type=function.function_type,
            web_url=function.web_url,
            method_handle_metadata=methods,
            app_id="ap-1",
        )
        done, function_id = self.cloud.deployed, self._function_id(request)
        name = function.function_name
        done.functions[name], done.ids[name], done.metadata[name] = function, function_id, metadata
        done.data[name] = data
        done.gpus[name] = [each.function.resources.gpu_config.gpu_type for each in data.ranked_functions]
        return api_pb2.FunctionCreateResponse(
            function_id=function_id, function=function, function_data=data, handle_metadata=metadata
        )

    @rpc
    def ClassCreate(self, request: Any) -> Any:
        return api_pb2.ClassCreateResponse(
            class_id=self.cloud.new_id("cs"), handle_metadata=api_pb2.ClassHandleMetadata()
        )

    # calling --------------------------------------------------------------------------------------------------------

    @rpc
    def ClassGet(self, request: Any) -> Any:
        published = self.cloud.deployed.published
        if published is None or request.object_tag not in published.class_ids:
            raise GRPCError(Status.NOT_FOUND, f"class {request.object_tag} is not deployed")
        name = f"{request.object_tag}.*"
        metadata = api_pb2.ClassHandleMetadata(
            class_function_id=self.cloud.deployed.ids[name], class_function_metadata=self.cloud.deployed.metadata[name]
        )
        return api_pb2.ClassGetResponse(class_id=published.class_ids[request.object_tag], handle_metadata=metadata)

    @rpc
    def FunctionGet(self, request: Any) -> Any:
        done = self.cloud.deployed
        if request.object_tag not in done.ids:
            raise GRPCError(Status.NOT_FOUND, f"function {request.object_tag} is not deployed")
        return api_pb2.FunctionGetResponse(
            function_id=done.ids[request.object_tag],
            handle_metadata=done.metadata[request.object_tag],
            function=done.data[request.object_tag],
        )

    @rpc
    async def FunctionMap(self, request: Any) -> Any:
        cloud = self.cloud
        if cloud.refuse_spawn:
            raise GRPCError(cloud.refuse_spawn.popleft(), "as the test wants")
        call = CallRecord(
            cloud.new_id("fc"), cloud.new_id("in"), request.function_id, request.pipelined_inputs[0].input
        )
        cloud.calls[call.id] = call
        async with self._changed:
            cloud.waiting.append(call.id)
            self._changed.notify_all()
        item = api_pb2.FunctionPutInputsResponseItem(input_id=call.input_id, input_jwt="jwt")
        return api_pb2.FunctionMapResponse(function_call_id=call.id, pipelined_inputs=[item], function_call_jwt="jwt")

    @property
    def _changed(self) -> asyncio.Condition:
        assert self.cloud.changed is not None
        return self.cloud.changed

    @rpc
    def FunctionCallFromId(self, request: Any) -> Any:
        if request.function_call_id not in self.cloud.calls:
            raise GRPCError(Status.NOT_FOUND, "no such call")
        return api_pb2.FunctionCallFromIdResponse(function_call_id=request.function_call_id, num_inputs=1)

    @rpc
    async def FunctionGetOutputs(self, request: Any) -> Any:
        call = self.cloud.calls[request.function_call_id]
        until = time.monotonic() + request.timeout
        async with self._changed:
            while call.output is None and time.monotonic() < until:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.1)
        found = [] if call.output is None else [call.output]
        return api_pb2.FunctionGetOutputsResponse(
            outputs=found, idxs=[0] * len(found), num_unfinished_inputs=1 - len(found)
        )

    @rpc
    async def FunctionCallCancel(self, request: Any) -> Any:
        call = self.cloud.calls[request.function_call_id]
        async with self._changed:
            call.cancelled = True
            if call.id in self.cloud.waiting:
                self.cloud.waiting.remove(call.id)
                self._end(call, api_pb2.GenericResult(status=api_pb2.GenericResult.GENERIC_STATUS_TERMINATED))
            for container in self.cloud.containers.values():
                if call.id in container.calls:
                    container.stop.append(call.input_id)
            self._changed.notify_all()
        return Empty()

    def _end(self, call: CallRecord, result: Any, data_format: Any = 0) -> None:
        if call.output is None:
            call.output = api_pb2.FunctionGetOutputsItem(result=result, input_id=call.input_id, data_format=data_format)

    @rpc
    def FunctionGetCurrentStats(self, request: Any) -> Any:
        waiting = sum(self.cloud.calls[each].function_id == request.function_id for each in self.cloud.waiting)
        up = sum(each.function_id == request.function_id for each in self.cloud.containers.values())
        return api_pb2.FunctionStats(backlog=waiting, num_total_tasks=up)

    # blobs and dictionaries -----------------------------------------------------------------------------------------

    @rpc
    def BlobCreate(self, request: Any) -> Any:
        blob_id = self.cloud.new_id("bl")
        url = f"{self.cloud.blob_url}/{blob_id}"
        return api_pb2.BlobCreateResponse(blob_ids=[blob_id], upload_urls=api_pb2.UploadUrlList(items=[url]))

    @rpc
    def BlobGet(self, request: Any) -> Any:
        return api_pb2.BlobGetResponse(download_url=f"{self.cloud.blob_url}/{request.blob_id}")

    @rpc
    def DictGetOrCreate(self, request: Any) -> Any:
        dict_id = f"di-{request.deployment_name}"
        if dict_id not in self.cloud.dicts:
            if request.object_creation_type != api_pb2.OBJECT_CREATION_TYPE_CREATE_IF_MISSING:
                raise GRPCError(Status.NOT_FOUND, "no such Dict")
            self.cloud.dicts[dict_id] = {}
        return api_pb2.DictGetOrCreateResponse(
            dict_id=dict_id, metadata=api_pb2.DictMetadata(name=request.deployment_name)
        )

    @rpc
    def DictUpdate(self, request: Any) -> Any:
        held = self.cloud.dicts[request.dict_id]
        new = all(each.key not in held for each in request.updates)
        if new or not request.if_not_exists:
            held.update({each.key: each.value for each in request.updates})
        return api_pb2.DictUpdateResponse(created=new)

    @rpc
    def DictGet(self, request: Any) -> Any:
        value = self.cloud.dicts[request.dict_id].get(request.key)
        return api_pb2.DictGetResponse(found=value is not None, value=value)

    @rpc
    def DictContains(self, request: Any) -> Any:
        return api_pb2.DictContainsResponse(found=request.key in self.cloud.dicts[request.dict_id])

    @rpc
    def DictPop(self, request: Any) -> Any:
        value = self.cloud.dicts[request.dict_id].pop(request.key, None)
        return api_pb2.DictPopResponse(found=value is not None, value=value)

    # containers -----------------------------------------------------------------------------------------------------

    @rpc
    def ContainerHello(self, request: Any) -> Any:
        return Empty()

    @rpc
    def TaskResult(self, request: Any) -> Any:
        return Empty()

    @rpc
    def FunctionGetDynamicConcurrency(self, request: Any) -> Any:
        return api_pb2.FunctionGetDynamicConcurrencyResponse(concurrency=request.target_concurrency)

    @rpc
    async def ContainerHeartbeat(self, request: Any) -> Any:
        container = self._container()
        until = time.monotonic() + HEARTBEAT_S
        async with self._changed:
            while not container.stop and time.monotonic() < until:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.1)
            stop = [container.stop.popleft() for _ in range(len(container.stop))]
        if not stop:
            return api_pb2.ContainerHeartbeatResponse()
        return api_pb2.ContainerHeartbeatResponse(cancel_input_event=api_pb2.CancelInputEvent(input_ids=stop))

    @rpc
    async def FunctionGetInputs(self, request: Any) -> Any:
        cloud, container = self.cloud, self._container()
        until = time.monotonic() + POLL_S
        async with self._changed:
            while (found := self._next(request.function_id)) is None and time.monotonic() < until:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._changed.wait(), 0.1)
            if found is None:
                return api_pb2.FunctionGetInputsResponse(rate_limit_sleep_duration=0.01)
            cloud.waiting.remove(found.id)
            found.tasks.append(container.task_id)
            container.calls.add(found.id)
        item = api_pb2.FunctionGetInputsItem(
            input_id=found.input_id,
            input=found.input,
            function_call_id=found.id,
            function_call_invocation_type=api_pb2.FUNCTION_CALL_INVOCATION_TYPE_ASYNC,
        )
        return api_pb2.FunctionGetInputsResponse(inputs=[item])

    def _next(self, function_id: str) -> CallRecord | None:
        waiting = (self.cloud.calls[each] for each in self.cloud.waiting)
        return next((call for call in waiting if call.function_id == function_id), None)

    def _container(self) -> Container:
        found = self.cloud.containers.get(TASK.get())
        if found is None:
            raise GRPCError(Status.FAILED_PRECONDITION, "this container was ended")
        return found

    @rpc
    async def FunctionPutOutputs(self, request: Any) -> Any:
        container = self._container()
        async with self._changed:
            for each in request.outputs:
                call = next(c for c in self.cloud.calls.values() if c.input_id == each.input_id)
                container.calls.discard(call.id)
                self._end(call, each.result, each.data_format)
            self._changed.notify_all()
        return Empty()


def _backend(cloud: ModalCloud) -> Any:
    """A service with our RPCs; every other is refused, and remembered."""
    names: frozenset[str] = api_grpc.ModalClientBase.__abstractmethods__
    missing = {name: _missing(name) for name in names if not hasattr(_Backend, name)}
    made: Any = type("Backend", (_Backend, api_grpc.ModalClientBase), missing)
    return made(cloud)


class _Blobs:
    """Where large values are put and got."""

    def __init__(self, cloud: ModalCloud) -> None:
        self._blobs = cloud.blobs

    async def put(self, request: web.Request) -> web.Response:
        """Keep a value, if it is what its checksum says."""
        data = await request.read()
        md5 = base64.b64encode(hashlib.md5(data).digest()).decode()
        if request.headers.get("Content-MD5", md5) != md5:
            return web.Response(status=400, text="BadDigest")
        self._blobs[request.path.removeprefix("/")] = data
        return web.Response(headers={"ETag": f'"{hashlib.md5(data).hexdigest()}"'})

    async def get(self, request: web.Request) -> web.Response:
        """Give a value."""
        data = self._blobs.get(request.path.removeprefix("/"))
        return web.Response(status=404) if data is None else web.Response(body=data)


async def _serve(cloud: ModalCloud, ready: Callable[[asyncio.Event], None]) -> None:
    """Serve until the event that `ready` is told of."""
    over, cloud.changed = asyncio.Event(), asyncio.Condition()
    blobs = web.Application()
    blobs.add_routes([web.put("/{id}", _Blobs(cloud).put), web.get("/{id}", _Blobs(cloud).get)])
    runner = web.AppRunner(blobs)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server = grpclib.server.Server([_backend(cloud)])
    port, blob_port = free_ports(1)[0], runner.addresses[0][1]
    await server.start("127.0.0.1", port)
    cloud.url, cloud.blob_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{blob_port}"
    keeper = asyncio.create_task(cloud.keep())
    ready(over)
    await over.wait()
    keeper.cancel()
    for task_id in list(cloud.containers):
        cloud.kill(task_id)
    server.close()
    await server.wait_closed()
    await runner.cleanup()
    # Connections that their peers closed are noticed in a turn of the loop.
    await asyncio.sleep(0.1)


@contextlib.contextmanager
def modal_cloud(folder: Path) -> Iterator[ModalCloud]:
    """A running stand-in; its containers' logs are in `folder`."""
    cloud = ModalCloud(folder)
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    def ready(over: asyncio.Event) -> None:
        started.set_result((asyncio.get_running_loop(), over))

    thread = threading.Thread(target=lambda: asyncio.run(_serve(cloud, ready)))
    thread.start()
    loop, over = started.result(30)
    try:
        yield cloud
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
