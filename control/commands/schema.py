"""`vivijure schema`: JSON Schemas of what people and programs write and read."""

from typing import Any

from pydantic import TypeAdapter

from control.errors import NotFound
from control.graph.model import Plan, Recipe
from control.storyboard.edits.batch import EditBatch
from control.storyboard.models import Storyboard
from functions.contract.job import DoorStatus, JobProgress, JobRequest, JobResult
from functions.contract.manifest import EngineManifest

SCHEMAS: dict[str, Any] = {
    "storyboard": Storyboard,
    "edits": EditBatch,
    "recipe": Recipe,
    "plan": Plan,
    "job-request": JobRequest,
    "job-progress": JobProgress,
    "job-result": JobResult,
    "door-status": DoorStatus,
    "engine": EngineManifest,
}


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of this name. Raises `NotFound`, naming those there are."""
    if name not in SCHEMAS:
        raise NotFound(f"there is no schema {name!r}; there are {', '.join(SCHEMAS)}")
    found: dict[str, Any] = TypeAdapter(SCHEMAS[name]).json_schema()
    return found
