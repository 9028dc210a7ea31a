"""OpenAPI 3.1, made from the operations and their pydantic models."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from typing import Any, Literal, cast

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaValue, models_json_schema

from control.api.operation import Nothing, Operation
from control.api.problems import MEDIA_TYPE, ProblemDetails

Mode = Literal["validation", "serialization"]
Described = tuple[type[BaseModel], Mode]
Refs = Mapping[Any, JsonSchemaValue]
ROOM = re.compile(r"\b[a-z]+__([a-z]+)__\w+__([A-Z]\w*)\b")
CONVERTOR = re.compile(r":[a-z]+}")
PARAMETER = re.compile(r"{([a-z_0-9]+)(?::([a-z]+))?}")
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and request again give the first answer again, and do nothing twice.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"},
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The revision this write edits, where the body has no `base`.",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,9}"$'},
}
BINARY = {"schema": {"type": "string", "format": "binary"}}
FORM = {
    "schema": {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
}
TEXT = {"schema": {"type": "string"}}


def document(operations: Sequence[Operation], prefix: str) -> dict[str, Any]:
    """The whole description of the API under `prefix`."""
    refs, top = models_json_schema(sorted(_models(operations), key=_order), ref_template="#/components/schemas/{model}")
    schemas = top.get("$defs", {})
    paths: dict[str, Any] = {}
    for op in operations:
        paths.setdefault(prefix + CONVERTOR.sub("}", op.path), {})[op.method.lower()] = _operation(op, refs, schemas)
    described = {
        "openapi": "3.1.0",
        "info": {
            "title": "Vivijure Studio",
            "version": metadata.version("vivijure"),
            "license": {"name": "AGPL-3.0-only", "identifier": "AGPL-3.0-only"},
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "session": {"type": "apiKey", "in": "cookie", "name": "vivijure_session"},
            },
        },
    }
    return _named(described)


def _named(described: dict[str, Any]) -> dict[str, Any]:
    """Models of one name in two rooms by the room's: `StoryboardCue`, `ContractCue`."""
    clean = ROOM.sub(lambda m: m[1].title() + m[2], json.dumps(described))
    return cast(dict[str, Any], json.loads(clean))


def _models(operations: Iterable[Operation]) -> set[Described]:
    found: set[Described] = {(ProblemDetails, "serialization")}
    for op in operations:
        found.add((op.query, "validation"))
        if op.body is not None:
            found.add((op.body, "validation"))
        if op.answer is not None:
            found.add((op.answer, "serialization"))
    return {(model, mode) for model, mode in found if model is not Nothing}


def _order(item: tuple[type[Any], Mode]) -> tuple[str, str]:
    return item[0].__name__, item[1]


def _operation(op: Operation, refs: Refs, schemas: Mapping[str, Any]) -> dict[str, Any]:
    problem = {"description": "Problem", "content": {MEDIA_TYPE: {"schema": refs[ProblemDetails, "serialization"]}}}
    success: dict[str, Any] = {"description": "Done"}
    if op.answer is not None:
        success["content"] = {op.media_type: {"schema": refs[op.answer, "serialization"]}}
    elif op.media_type != "application/json":
        success["content"] = {op.media_type: BINARY if "*" in op.media_type else TEXT}
    described: dict[str, Any] = {
        "operationId": op.name,
        "summary": op.summary,
        "tags": list(op.tags),
        "parameters": [*_path(op), *_query(op, refs, schemas), *_headers(op)],
        "responses": {str(op.status): success} | {str(status): problem for status in _statuses(op)},
        "security": [{"token": []}, {"session": []}] if op.scope is not None else [],
    }
    body = _body(op, refs)
    return described | ({"requestBody": body} if body else {})


def _statuses(op: Operation) -> list[int]:
    usual = {421, 422, 500, *op.errors}
    usual |= {400, 413, 415} if op.body is not None or op.raw else {400}
    usual |= {401, 403} if op.scope is not None else set()
    usual |= {409} if op.writes else set()
    return sorted(usual)


def _path(op: Operation) -> list[dict[str, Any]]:
    kinds = {"int": {"type": "integer", "minimum": 0}}
    return [
        {"name": name, "in": "path", "required": True, "schema": kinds.get(kind, {"type": "string", "minLength": 1})}
        for name, kind in PARAMETER.findall(op.path)
    ]


def _query(op: Operation, refs: Refs, schemas: Mapping[str, Any]) -> list[dict[str, Any]]:
    if op.query is Nothing:
        return []
    schema = schemas[refs[op.query, "validation"]["$ref"].rsplit("/", 1)[1]]
    required = schema.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _plain(field)}
        for name, field in schema["properties"].items()
    ]


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is left out rather than null."""
    options = [s for s in schema.get("anyOf", ()) if s != {"type": "null"}]
    kept = {k: v for k, v in schema.items() if k != "anyOf" and not (k == "default" and v is None)}
    return kept | options[0] if len(options) == 1 else schema


def _headers(op: Operation) -> list[dict[str, Any]]:
    return [*([IDEMPOTENCY_KEY] if op.replayed else []), *([IF_MATCH] if op.based else [])]


def _body(op: Operation, refs: Refs) -> dict[str, Any]:
    content: dict[str, Any] = dict.fromkeys(op.raw, BINARY)
    if op.body is not None:
        content["application/json"] = {"schema": refs[op.body, "validation"]}
        content |= dict.fromkeys(op.texts, TEXT)
    return {"required": True, "content": content} if content else {}
