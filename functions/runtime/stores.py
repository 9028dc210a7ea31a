"""Which store a job's objects lie in. Each kind of store is imported when a job first needs it."""

import functools
from pathlib import Path

from functions.contract.errors import ContractError
from functions.contract.job import JobRequest
from functions.runtime.folder import FolderStorage
from functions.runtime.storage import Storage


class Stores:
    """How to reach the objects of a request: by its URLs, or in the door's own store.

    `own` is a folder or `s3://bucket` (endpoint and credentials from the AWS_* variables), or empty.
    """

    def __init__(self, own: str) -> None:
        self._own = own

    def __call__(self, request: JobRequest) -> Storage:
        """The store of this request. Raises `ContractError` where this door has none."""
        return self._signed(request) if request.transport == "presigned" else self._bucket

    def _signed(self, request: JobRequest) -> Storage:
        from functions.runtime.presigned import PresignedStorage

        return PresignedStorage(request)

    @functools.cached_property
    def _bucket(self) -> Storage:
        if self._own.startswith("s3://"):
            from functions.runtime.bucket import BucketStorage

            return BucketStorage(self._own.removeprefix("s3://"))
        if not self._own:
            raise ContractError("this door has no store of its own; send the job with presigned URLs")
        return FolderStorage(Path(self._own))
