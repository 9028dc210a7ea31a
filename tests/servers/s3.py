"""A real S3 server (SeaweedFS) on loopback, for tests of what keeps objects."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

READY_S = 90
ACCESS, SECRET = "test-access-key", "test-secret-key"
PORTS = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
QUIET = ("-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false", "-volume.max=20")


@dataclass(frozen=True)
class S3Server:
    """Where it is, and how to get in."""

    url: str
    bucket: str
    access: str = ACCESS
    secret: str = SECRET
    region: str = "us-east-1"

    @property
    def environment(self) -> dict[str, str]:
        """The AWS_* variables that lead to it."""
        return {
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": self.access,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_DEFAULT_REGION": self.region,
        }

    def client(self) -> Any:
        """A boto3 client for it."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            aws_access_key_id=self.access,
            aws_secret_access_key=self.secret,
            region_name=self.region,
            config=Config(signature_version="s3v4", retries={"total_max_attempts": 2}, proxies={}),
        )

    def presign(self, method: str, key: str, seconds: int = 600, content_type: str | None = None) -> str:
        """A URL for `GET`, or for a create-only `PUT` (with a content type), or an overwriting one (without)."""
        params: dict[str, Any] = {"Bucket": self.bucket, "Key": key}
        if content_type is not None:
            params |= {"ContentType": content_type, "IfNoneMatch": "*"}
        operation = {"GET": "get_object", "PUT": "put_object"}[method]
        url: str = self.client().generate_presigned_url(operation, Params=params, ExpiresIn=seconds)
        return url


@contextlib.contextmanager
def seaweed(folder: Path, bucket: str = "vivijure-test") -> Iterator[S3Server]:
    """Start the server with its files in `folder`, and make one bucket."""
    s3_port, s3_grpc, *ports = free_ports(len(PORTS) + 2)
    identity = {"name": "t", "credentials": [{"accessKey": ACCESS, "secretKey": SECRET}], "actions": ["Admin"]}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    argv = [str(Path(sys.executable).with_name("weed")), "-logdir", str(folder), "server", "-ip=127.0.0.1"]
    argv += ["-ip.bind=127.0.0.1", f"-dir={folder}", "-filer", "-s3", f"-s3.config={folder / 's3.json'}", *QUIET]
    argv += [f"-s3.port={s3_port}", f"-s3.port.grpc={s3_grpc}"]
    argv += [f"-{name}={port}" for name, port in zip(PORTS, ports, strict=True)]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, cwd=folder, env={**os.environ, "HOME": str(folder)})
    try:
        server = S3Server(f"http://127.0.0.1:{s3_port}", bucket)
        _wait_for_bucket(server, process, folder / "weed.log")
        yield server
    finally:
        process.kill()
        process.wait()


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on now, low enough for what adds 10,000 to them."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_for_bucket(server: S3Server, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + READY_S
    while True:
        try:
            with contextlib.closing(server.client()) as client:
                client.create_bucket(Bucket=server.bucket)
                client.put_object(Bucket=server.bucket, Key="ready", Body=b"yes")
            return
        except (BotoCoreError, ClientError):
            assert process.poll() is None, log.read_text()[-2000:]
            assert time.monotonic() < until, log.read_text()[-2000:]
            time.sleep(0.2)
