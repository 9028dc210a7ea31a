"""The one typed tree of errors of the Studio.

    StudioError                    status, code, title; detail; fields
    ├── BadRequest                 400  the request cannot be read
    │   ├── TooLarge               413  a body or file beyond its cap
    │   ├── UnsupportedMedia       415  a file or content type that is not taken
    │   ├── RangeUnsatisfiable     416  a byte range outside the object
    │   └── Misdirected            421  a Host header that is not this Studio's
    ├── Unauthenticated            401  no valid token or session
    ├── Forbidden                  403  the token's scope does not reach this
    ├── NotFound                   404
    ├── MethodNotAllowed           405
    ├── Conflict                   409  the state does not allow it
    │   ├── StaleRevision          409  based on a revision that is not the current one
    │   ├── QuoteChanged           409  the quote has expired, or no longer says what it would cost
    │   └── Busy                   409  another process or request holds it
    ├── PreconditionRequired       428  a write that does not say which revision it edits
    ├── Invalid                    422  read, but not acceptable; `problems` say where
    │   ├── StoryboardError        422  the storyboard or script
    │   │   └── EditRefused        422  an edit operation
    │   ├── PlanError              422  no film can be planned from it
    │   ├── SettingsError          422  the environment or a flag
    │   └── KeyReused              422  an Idempotency-Key sent again with another request
    ├── BudgetExceeded             402  the upper bound does not fit the budget
    │   └── QuoteNeeded            402  it costs money, and nobody has accepted the price
    ├── DatabaseError              503
    │   ├── DatabaseLocked         503  another process holds the file
    │   ├── DatabaseUnreachable    503  nothing was sent, or only a reading: nothing has changed
    │   ├── DatabaseRefused        502  it answered, and will not take this
    │   ├── DatabaseBusy           503  too many requests: nothing was done, try again later
    │   └── DatabaseUncertain      504  sent, no answer: the batch may have been committed
    ├── StoreError                 503  object store unreachable or refusing
    │   ├── ObjectMissing          404
    │   ├── ObjectExists           412  create-only key already there
    │   └── StoreFull              507
    └── DoorError                  502  a door answered wrongly
        ├── DoorUnreachable        503  refused before the body was sent: nothing was accepted
        ├── DoorRefused            502  a documented refusal: nothing was accepted
        └── OutcomeUnknown         504  sent, no answer: it may have been accepted

Each maps to the wire once, in `problem`, as RFC 9457 problem details.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from control.storyboard.problem import Problem


class StudioError(Exception):
    """Base of all. `detail` says what happened, where, and what to do; `fields` go to the wire beside it."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    title: ClassVar[str] = "Something went wrong in the Studio"

    def __init__(self, detail: str = "", **fields: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail
        self.fields: Mapping[str, Any] = fields


class BadRequest(StudioError):
    """The request cannot be read."""

    status, code, title = 400, "bad_request", "The request cannot be read"


class TooLarge(BadRequest):
    """A body or a file is larger than its cap."""

    status, code, title = 413, "too_large", "Too large"


class UnsupportedMedia(BadRequest):
    """A file or content type that is not taken here."""

    status, code, title = 415, "unsupported_media", "This kind of file is not taken here"


class RangeUnsatisfiable(BadRequest):
    """A byte range that lies outside the object. Field `size`: its bytes."""

    status, code, title = 416, "range_unsatisfiable", "The range lies outside the object"


class Misdirected(BadRequest):
    """The Host header names another machine than this Studio."""

    status, code, title = 421, "misdirected", "This is not the host you asked for"


class Unauthenticated(StudioError):
    """No valid token and no session."""

    status, code, title = 401, "unauthenticated", "Log in, or send a token"


class Forbidden(StudioError):
    """The caller is known but may not do this."""

    status, code, title = 403, "forbidden", "Not allowed"


class NotFound(StudioError):
    """There is no such thing."""

    status, code, title = 404, "not_found", "Not found"


class MethodNotAllowed(StudioError):
    """The address exists, but not for this method."""

    status, code, title = 405, "method_not_allowed", "This method is not allowed here"


class Conflict(StudioError):
    """The state of the thing does not allow it."""

    status, code, title = 409, "conflict", "Not possible in the present state"


class StaleRevision(Conflict):
    """Based on a revision that is not the current one. Field `current`: its number."""

    status, code, title = 409, "stale_revision", "The storyboard has changed meanwhile"


class QuoteChanged(Conflict):
    """The quote has expired, or what it says no longer holds; ask for a new one."""

    status, code, title = 409, "quote_changed", "This quote no longer holds"


class Busy(Conflict):
    """Another process or request holds it; try again."""

    status, code, title = 409, "busy", "Busy"


class PreconditionRequired(StudioError):
    """A write that does not say which revision it edits."""

    status, code, title = 428, "precondition_required", "Say which revision this is based on"


class Invalid(StudioError):
    """Read, but not acceptable. `problems` say where and why."""

    status, code, title = 422, "invalid", "Not acceptable"

    def __init__(self, detail: str = "", problems: Sequence[Problem] = (), **fields: Any) -> None:
        super().__init__(detail or "; ".join(f"{p.path}: {p.message}" for p in problems[:3]), **fields)
        self.problems = tuple(problems)


class StoryboardError(Invalid):
    """The storyboard or script has errors."""

    code, title = "bad_storyboard", "The storyboard has errors"


class EditRefused(StoryboardError):
    """An edit operation that cannot be applied; nothing of its batch was."""

    code, title = "edit_refused", "The edit cannot be applied"


class PlanError(Invalid):
    """No film can be planned from this storyboard and recipe."""

    code, title = "cannot_plan", "No film can be planned from this"


class SettingsError(Invalid):
    """A setting has no acceptable value."""

    code, title = "bad_setting", "A setting is wrong"


class KeyReused(Invalid):
    """An `Idempotency-Key` came again with another request."""

    code, title = "idempotency_mismatch", "This Idempotency-Key belongs to another request"


class BudgetExceeded(StudioError):
    """The upper bound of the cost does not fit the budget."""

    status, code, title = 402, "budget_exceeded", "The budget does not allow it"


class QuoteNeeded(BudgetExceeded):
    """It costs money, and nobody has accepted the price. Field `bound_u`: the upper bound in micro-dollars."""

    code, title = "quote_needed", "Accept the price first"


class DatabaseError(StudioError):
    """The database could not be read or written."""

    status, code, title = 503, "database_failed", "The database cannot be used"


class DatabaseLocked(DatabaseError):
    """Another process holds the database file."""

    code, title = "database_locked", "The database is held by another process"


class DatabaseUnreachable(DatabaseError):
    """It cannot be reached: nothing was sent, or nothing but a reading."""

    code, title = "database_unreachable", "The database cannot be reached"


class DatabaseRefused(DatabaseError):
    """It answered, and takes neither this nor the same again: a wrong token, a wrong id, a limit."""

    status, code, title = 502, "database_refused", "The database refused"


class DatabaseBusy(DatabaseError):
    """Too many requests: nothing was done. Field `retry_after_s`: when to try again."""

    code, title = "database_busy", "The database is busy"


class DatabaseUncertain(DatabaseError):
    """A batch was sent and no answer came: it may have been committed. Batches are safe to send again."""

    status, code, title = 504, "database_uncertain", "Nobody knows yet whether the database has done it"


class StoreError(StudioError):
    """The object store could not be reached, or refused."""

    status, code, title = 503, "store_failed", "The object store cannot be used"


class ObjectMissing(StoreError):
    """There is no object of this key."""

    status, code, title = 404, "object_missing", "The file is not there"


class ObjectExists(StoreError):
    """A create-only key is already taken."""

    status, code, title = 412, "object_exists", "The file is already there"


class StoreFull(StoreError):
    """No space is left."""

    status, code, title = 507, "store_full", "No space is left"


class DoorError(StudioError):
    """A door answered wrongly."""

    status, code, title = 502, "door_failed", "A door answered wrongly"


class DoorUnreachable(DoorError):
    """The connection was refused: nothing was accepted."""

    status, code, title = 503, "door_unreachable", "A door cannot be reached"


class DoorRefused(DoorError):
    """The door refused as documented: nothing was accepted."""

    code, title = "door_refused", "A door refused"


class OutcomeUnknown(DoorError):
    """The request was sent and no answer came: it may have been accepted."""

    status, code, title = 504, "outcome_unknown", "A door's answer never came"


def problem(error: StudioError, instance: str | None = None) -> dict[str, Any]:
    """The error as RFC 9457 problem details. `errors` lists each problem with its path (and line, where known)."""
    found = error.problems if isinstance(error, Invalid) else ()
    body: dict[str, Any] = {"type": "about:blank", "title": error.title, "status": error.status, "code": error.code}
    if error.detail:
        body["detail"] = error.detail
    if instance is not None:
        body["instance"] = instance
    body["errors"] = [p.model_dump(exclude_none=True) for p in found]
    return {**error.fields, **body}
