"""The result object: one a job, written once, the only authority on how the job ended."""

from functions.contract.errors import Cancelled, JobError, StorageError, wire
from functions.contract.job import JobRequest, JobResult, Metrics
from functions.runtime.storage import Storage

JSON = "application/json"
LIMIT = 4_000_000
"""Bytes of the largest object of the runtime's own that is read."""


def settle(request: JobRequest, storage: Storage, result: JobResult) -> JobResult:
    """Write the result unless the job already has one, and return the one that counts.

    Where storage refuses, the result says so instead and is retryable.
    """
    held = request.reserved.result
    try:
        if storage.create(held.key, result.model_dump_json().encode(), JSON):
            return result
        return found(request, storage) or ended(request, StorageError(f"{held.key} came and went"))
    except StorageError as error:
        return ended(request, error, result.metrics)


def found(request: JobRequest, storage: Storage) -> JobResult | None:
    """The result this job already has. Raises `StorageError` where the object is not one."""
    key = request.reserved.result.key
    data = storage.get(key, LIMIT)
    if data is None:
        return None
    try:
        result = JobResult.model_validate_json(data)
    except ValueError as error:
        raise StorageError(f"{key} is not a result") from error
    if result.job_id != request.job_id or result.fingerprint != request.fingerprint:
        raise StorageError(f"{key} is the result of job {result.job_id}")
    return result


def ended(request: JobRequest, error: JobError, metrics: Metrics | None = None) -> JobResult:
    """The result of a job that `error` ended."""
    return JobResult(
        job_id=request.job_id,
        attempt=request.attempt,
        fingerprint=request.fingerprint,
        status="cancelled" if isinstance(error, Cancelled) else "failed",
        error=wire(error),
        metrics=metrics or Metrics(),
    )
