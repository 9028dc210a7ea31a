"""The marks that an execution leaves before it does any work: it began, in time, and it is one of those paid for."""

from functions.contract.errors import ExecutionsSpent, TooLate
from functions.contract.job import ExecutionMark, JobRequest, Started
from functions.runtime.call import Call
from functions.runtime.results import JSON, LIMIT
from functions.runtime.storage import Storage
from functions.runtime.verify import execution_name


def begin(request: JobRequest, storage: Storage, call: Call, *, now: int, worker: str) -> int:
    """Leave the `started` object, then count this execution; its number. Raises `TooLate`, `ExecutionsSpent`,
    `StorageError`.
    """
    key = request.reserved.started.key
    if now <= request.start_by:
        mark = Started(job_id=request.job_id, provider_id=call.handle, worker=worker, at=now)
        storage.create(key, mark.model_dump_json().encode(), JSON, lasting=False)
    elif storage.get(key, LIMIT) is None:
        raise TooLate("the job was not begun in time; submit the step again")
    counted = ExecutionMark(at=now, worker=worker, call=call.name, since=call.since or now).model_dump_json().encode()
    for number in range(1, request.executions + 1):
        key = f"{request.reserved.work.key}/{execution_name(number)}"
        if storage.create(key, counted, JSON, lasting=False):
            return number
    raise ExecutionsSpent(f"the job has run {request.executions} times without a result; submit the step again")
