"""The Modal app, deployed to the stand-in by the real `modal deploy`, with its web door behind Modal's proxy.

As a program, `python -m tests.servers.modal_door` is that door: the ASGI application that the app itself makes, behind
a check of `Modal-Key` and `Modal-Secret` as Modal's proxy makes it. Prints where it listens.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvicorn

from functions.serve.door import listen
from tests.servers.door import ROOT
from tests.servers.engines import MANIFEST
from tests.servers.jobs import DOOR, STUDIO
from tests.servers.modal_cloud import ModalCloud

KEY, SECRET = "wk-a-proxy-key-for-tests", "ws-a-proxy-secret-for-tests"
HEADERS = {"Modal-Key": KEY, "Modal-Secret": SECRET}
IMAGES = {"echo": f"ghcr.io/acme/echo@sha256:{'a' * 64}", "door": f"ghcr.io/acme/door@sha256:{'b' * 64}"}
HOSTING = """
[hosting]
cores = 3
idle_s = 45
startup_s = 120
workers = 2
"""


class Proxy:
    """Refuses requests without the proxy's tokens, as Modal does before an app sees them."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        shown = dict(scope.get("headers", []))
        if scope["type"] == "http" and (shown.get(b"modal-key"), shown.get(b"modal-secret")) != (
            KEY.encode(),
            SECRET.encode(),
        ):
            await send({"type": "http.response.start", "status": 401, "headers": [(b"content-type", b"text/plain")]})
            await send(
                {"type": "http.response.body", "body": b"modal-http: missing credentials for proxy authorization"}
            )
            return
        await self._app(scope, receive, send)


def variables(
    folder: Path, *, store: str | None = None, catalog: str = MANIFEST + HOSTING, **more: str
) -> dict[str, str]:
    """What the app is deployed with; `folder` holds its catalog, store and scratch."""
    (folder / "catalog").mkdir(parents=True, exist_ok=True)
    (folder / "catalog" / "echo.toml").write_text(catalog)
    (folder / "store").mkdir(exist_ok=True)
    return {
        "VIVIJURE_DOOR_ID": DOOR,
        "VIVIJURE_DOOR_KEYS": bytes(STUDIO.verify_key).hex(),
        "VIVIJURE_DOOR_STORE": str(folder / "store") if store is None else store,
        "VIVIJURE_DOOR_CATALOG": str(folder / "catalog"),
        "VIVIJURE_DOOR_SCRATCH": str(folder / "scratch"),
        "VIVIJURE_MODAL_APP": "vivijure",
        "VIVIJURE_MODAL_IMAGES": " ".join(f"{name}={image}" for name, image in IMAGES.items()),
        **more,
    }


def deploy(cloud: ModalCloud, own: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """The real `modal deploy`."""
    argv = [str(Path(sys.executable).with_name("modal")), "deploy", "-m", "functions.serve.modal_app"]
    env = {**cloud.client_environment, **own}
    return subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


@contextlib.contextmanager
def modal_door(cloud: ModalCloud, own: dict[str, str]) -> Iterator[str]:
    """The door of a deployed app; its address."""
    deployed = deploy(cloud, own)
    assert deployed.returncode == 0, deployed.stdout + deployed.stderr
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "tests.servers.modal_door"],
        env={**cloud.client_environment, **own},
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, f"the door ended with {process.wait()}"
        yield json.loads(line)["url"]
    finally:
        process.kill()
        process.communicate()


async def serve() -> None:
    """Serve until killed."""
    from functions.serve import modal_app

    application = Proxy(modal_app.door.local())
    with listen("127.0.0.1", 0) as listener:
        print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
        config = uvicorn.Config(application, log_level="warning", access_log=False, lifespan="off")
        await uvicorn.Server(config).serve(sockets=[listener])


if __name__ == "__main__":
    asyncio.run(serve())
