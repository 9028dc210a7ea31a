"""The one typed tree of errors behind a door.

    JobError                     code, message, retryable
    ├── ContractError            the request is malformed or not of this contract
    │   ├── GrantRefused         signature, key id, door or expiry is wrong
    │   ├── KeyRefused           an object key outside what the job may touch
    │   ├── EngineMismatch       fingerprint or engine differs from this door's own manifest
    │   └── TooLate              not begun by the time the request names (retryable)
    ├── InputError               an input is missing, altered or not what its kind asks for
    ├── EngineError              the engine could not make the step
    │   ├── OutputRefused        made, but proven wrong by the checks of its kind
    │   ├── OutOfMemory          no smaller plan was left
    │   └── GpuBroken            the GPU cannot be used (retryable elsewhere)
    ├── StorageError             object store unreachable or refused (retryable)
    │   └── DiskFull             no space for a scratch file
    ├── ExecutionsSpent          ran as often as was paid for, without a result
    ├── WorkerDied               the process that ran the job ended (retryable)
    ├── DeadlineExceeded
    └── Cancelled

Each maps to the wire once, in `wire`.
"""

from functions.contract.base import Open


class WireError(Open):
    """`JobResult.error`: `code` is stable, `message` is for a person."""

    code: str
    message: str
    retryable: bool = False


class JobError(Exception):
    """Base of all. `str(e)` says what happened, where, and what to do."""

    code = "job_error"
    retryable = False


class ContractError(JobError):
    """The request is malformed."""

    code = "bad_request"


class GrantRefused(ContractError):
    """The grant does not cover this request here and now."""

    code = "grant_refused"


class KeyRefused(ContractError):
    """An object key lies outside what the job may touch."""

    code = "key_refused"


class EngineMismatch(ContractError):
    """This door's engine is not the one the request was planned for."""

    code = "engine_mismatch"


class TooLate(ContractError):
    """The job was not begun by the time its request names."""

    code = "too_late"
    retryable = True


class InputError(JobError):
    """An input is missing, altered, or not of the kind asked for."""

    code = "bad_input"


class EngineError(JobError):
    """The engine could not make the step."""

    code = "engine_failed"


class OutputRefused(EngineError):
    """The output was made but is proven wrong."""

    code = "output_refused"


class OutOfMemory(EngineError):
    """No smaller plan was left."""

    code = "out_of_memory"


class GpuBroken(EngineError):
    """The GPU of this worker cannot be used, or no more."""

    code = "gpu_broken"
    retryable = True


class StorageError(JobError):
    """The object store could not be reached or refused."""

    code = "storage_failed"
    retryable = True


class DiskFull(StorageError):
    """No space is left for a scratch file or an artifact."""

    code = "disk_full"


class ExecutionsSpent(JobError):
    """The job has run as often as was paid for and left no result."""

    code = "executions_spent"


class WorkerDied(JobError):
    """The process that ran the job ended before it reported."""

    code = "worker_died"
    retryable = True


class DeadlineExceeded(JobError):
    """The job ran past its deadline."""

    code = "deadline_exceeded"


class Cancelled(JobError):
    """The job was asked to stop."""

    code = "cancelled"


def wire(error: JobError) -> WireError:
    """The error as `JobResult.error` carries it."""
    return WireError(code=error.code, message=str(error), retryable=error.retryable)
