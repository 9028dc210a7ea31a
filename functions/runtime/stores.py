"""Which store a job's objects lie in."""

from collections.abc import Callable
from pathlib import Path

from functions.contract.job import JobRequest
from functions.runtime.folder import FolderStorage
from functions.runtime.storage import Storage


def opener(store: str) -> Callable[[JobRequest], Storage]:
    """How to reach the objects of a request: by its URLs, or in the door's own `store`.

    `store` is a folder or `s3://bucket` (endpoint and credentials from the usual AWS_* variables), or empty.
    """
    own: list[Storage] = []

    def open_for(request: JobRequest) -> Storage:
        if request.transport == "presigned":
            from functions.runtime.presigned import PresignedStorage

            return PresignedStorage(request)
        if not own:
            own.append(_own(store))
        return own[0]

    return open_for


def _own(store: str) -> Storage:
    if store.startswith("s3://"):
        from functions.runtime.bucket import BucketStorage

        return BucketStorage(store.removeprefix("s3://"))
    return FolderStorage(Path(store))
