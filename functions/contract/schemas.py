"""The wire as JSON Schemas, checked in beside this module: `python -m functions.contract.schemas` writes them.

A test compares, so that a change of the wire shows as a change of these files.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, TypeAdapter

from functions.contract.job import DoorStatus, ExecutionMark, JobProgress, JobRequest, JobResult, RunRequest, Started
from functions.contract.manifest import EngineManifest
from functions.contract.media import MediaFacts
from functions.contract.params import Params

FOLDER = Path(__file__).with_name("schemas")
MODELS: Mapping[str, type[BaseModel]] = {
    "door-status": DoorStatus,
    "engine-manifest": EngineManifest,
    "execution-mark": ExecutionMark,
    "job-progress": JobProgress,
    "job-request": JobRequest,
    "job-result": JobResult,
    "media-facts": MediaFacts,
    "run-request": RunRequest,
    "started": Started,
}
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def generate() -> dict[str, str]:
    """File name -> text of every schema."""
    found = {name: model.model_json_schema() for name, model in MODELS.items()}
    found["params"] = TypeAdapter(Params).json_schema()
    return {f"{name}.json": _text(schema) for name, schema in sorted(found.items())}


def _text(schema: dict[str, object]) -> str:
    return json.dumps({"$schema": DIALECT, **schema}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the files, and remove those that are no more."""
    texts = generate()
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        if path.name not in texts:
            path.unlink()
    for name, text in texts.items():
        (FOLDER / name).write_text(text, "utf-8")


if __name__ == "__main__":
    main()
