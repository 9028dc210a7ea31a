"""The storyboard's fields as data: what a path leads to, by which names it is written, and which steps read it."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from control.storyboard.models import Storyboard
from control.storyboard.scalars import CLASSES, Reads

Loc = tuple[str | int, ...]


def written(model: type[BaseModel]) -> dict[str, tuple[str, FieldInfo]]:
    """Name as people write it -> attribute and field."""
    return {info.alias or name: (name, info) for name, info in model.model_fields.items()}


def model_at(loc: Loc, root: Any = Storyboard) -> type[BaseModel] | None:
    """The model that the part at `loc` is read as, None where it is no mapping of fields. Among several kinds of part
    the one whose name, in lower case, is the next step of the path.
    """
    here: Any = root
    for step in loc:
        here = _step(here, step)
        if here is None:
            return None
    return next(iter(_models(here)), None)


def reads(info: FieldInfo, inherited: str = "") -> str:
    """The classes of steps that read this field; `inherited` are those of the field that holds it."""
    found = next((m.classes for m in info.metadata if isinstance(m, Reads)), None)
    return inherited if found is None else found


def fields(root: type[BaseModel] = Storyboard, prefix: str = "", inherited: str = "") -> Iterator[tuple[str, str]]:
    """Every field of the schema as (path with `*` for ids and positions, classes), parents before children."""
    for name, (_, info) in written(root).items():
        path, classes = prefix + name, reads(info, inherited)
        yield path, "".join(c for c in CLASSES if c in classes)
        for model, stars in _inner(info.annotation):
            yield from fields(model, f"{path}{stars}.", classes)


def _step(here: Any, step: str | int) -> Any:
    models = _models(here)
    for model in models:
        if len(models) > 1 and model.__name__.lower() == step:
            return model
        found = written(model).get(str(step))
        if found is not None:
            return found[1].annotation
    args = get_args(_bare(here))
    origin = get_origin(_bare(here))
    if origin is dict:
        return args[1]
    if origin is tuple:
        return args[0]
    return None


def _bare(annotation: Any) -> Any:
    """The annotation without metadata and without `| None`."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _bare(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        left = [a for a in get_args(annotation) if a is not type(None)]
        return _bare(left[0]) if len(left) == 1 else annotation
    return annotation


def _models(annotation: Any) -> list[type[BaseModel]]:
    bare = _bare(annotation)
    if isinstance(bare, type) and issubclass(bare, BaseModel):
        return [bare]
    if get_origin(bare) in (Union, types.UnionType):
        return [m for a in get_args(bare) for m in _models(a)]
    return []


def _inner(annotation: Any, stars: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    bare = _bare(annotation)
    if get_origin(bare) is dict:
        yield from _inner(get_args(bare)[1], f"{stars}.*")
    elif get_origin(bare) is tuple:
        yield from _inner(get_args(bare)[0], f"{stars}.*")
    else:
        yield from ((model, stars) for model in _models(bare))
