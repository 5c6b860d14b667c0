"""Finds the fields that carry a marker: in a model class, and in a definition with all its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias, TypeVar, cast, get_args

from pydantic import BaseModel

from advanced_workflow.workflows.definition.model.markers import Expr, Nested, Sees, ShortForm
from advanced_workflow.workflows.definition.problems.places import Loc

M = TypeVar("M")
_Way: TypeAlias = tuple[str, M | None, bool, frozenset[str]]
"""A field, its marker (None where it only holds models with one), whether it is what the short form says, and the names that the
expressions inside see because of it."""


def mark_of(model: type[BaseModel], field: str, kind: type[M]) -> M | None:
    """The marker of a kind that a field carries, or one of the alternatives of its type."""
    info = model.model_fields[field]
    inside = [one for option in get_args(info.annotation) for one in getattr(option, "__metadata__", ())]
    return next((mark for mark in (*info.metadata, *inside) if isinstance(mark, kind)), None)


@cache
def marks_of(model: type[BaseModel], kind: type[M]) -> dict[str, M]:
    """The fields of a model class that carry a marker of a kind, in their order."""
    return {name: mark for name in model.model_fields if (mark := mark_of(model, name, kind)) is not None}


def marked(part: BaseModel, kind: type[M], loc: Loc = ()) -> Iterable[tuple[Loc, Any, M]]:
    """Every written field with a marker of a kind, in the part and the models in it: place, value, marker.

    Nested steps are parts of their own and not entered. What an object's short form says is where the object is.
    """
    names, ways = _ways(type(part), kind)
    # Most parts write few of their fields, so most have nothing to walk.
    return () if names.isdisjoint(part.model_fields_set) else _walk(part, kind, ways, loc)


def _walk(part: BaseModel, kind: type[M], ways: tuple[_Way[M], ...], loc: Loc) -> Iterator[tuple[Loc, Any, M]]:
    written = part.model_fields_set
    for name, mark, is_short, seen in ways:
        if name in written:
            value: object = getattr(part, name)
            place = loc if is_short else (*loc, name)
            if mark is not None:
                yield place, value, mark
            elif value is not None:
                yield from _seeing(seen, _inside(value, kind, place))


def _seeing(names: frozenset[str], found: Iterator[tuple[Loc, Any, M]]) -> Iterator[tuple[Loc, Any, M]]:
    if not names:
        yield from found
        return
    for place, value, mark in found:
        yield place, value, replace(mark, adds=mark.adds | names) if isinstance(mark, Expr) else mark


def named(part: BaseModel, kind: type[M], loc: Loc = ()) -> Iterator[tuple[Loc, str, M]]:
    """Every name in the fields with a marker of a kind: of a field that lists names, each of them, those of objects in it too."""
    for place, value, mark in marked(part, kind, loc):
        if isinstance(value, str):
            yield place, value, mark
        for index, item in enumerate(cast("tuple[object, ...]", value) if isinstance(value, tuple) else ()):
            if isinstance(item, BaseModel):
                yield from named(item, kind, (*place, index))
            else:
                yield (*place, index), cast("str", item), mark


def _inside(value: object, kind: type[M], loc: Loc) -> Iterator[tuple[Loc, Any, M]]:
    if isinstance(value, BaseModel):
        yield from marked(value, kind, loc)
    elif isinstance(value, tuple):
        for index, item in enumerate(cast("tuple[object, ...]", value)):
            yield from _inside(item, kind, (*loc, index))


@cache
def _ways(model: type[BaseModel], kind: type[M]) -> tuple[frozenset[str], tuple[_Way[M], ...]]:
    """The fields that lead to markers of a kind: their names, and what is known of each."""
    ways: list[_Way[M]] = []
    for name in model.model_fields:
        mark = mark_of(model, name, kind)
        nested = mark_of(model, name, Nested) is not None
        if mark is not None or (not nested and any(_carries(inner, kind) for inner in models_in(model, name))):
            sees = mark_of(model, name, Sees)
            ways.append((name, mark, mark_of(model, name, ShortForm) is not None, sees.names if sees else frozenset()))
    return frozenset(way[0] for way in ways), tuple(ways)


@cache
def _carries(model: type[BaseModel], kind: type[M]) -> bool:
    """Whether a class, or one of the objects in it, has a field with a marker of a kind; an object may hold others of its class."""
    found, waiting = {model}, [model]
    while waiting:
        one = waiting.pop()
        if marks_of(one, kind):
            return True
        names = (name for name in one.model_fields if mark_of(one, name, Nested) is None)
        near = [inner for name in names for inner in models_in(one, name) if inner not in found]
        found.update(near)
        waiting += near
    return False


@cache
def models_in(model: type[BaseModel], field: str) -> tuple[type[BaseModel], ...]:
    """The classes of the objects that a field holds."""
    return tuple(_models(model.model_fields[field].annotation))


def model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel]:
    """The class of the object at a place, or of the nearest object around it."""
    for part in loc:
        inner = models_in(model, part) if isinstance(part, str) and part in model.model_fields else ()
        model = inner[0] if inner else model
    return model


def models_within(model: type[BaseModel]) -> tuple[type[BaseModel], ...]:
    """A class and those of all the objects that it may hold, nested steps too; each once."""
    found: dict[type[BaseModel], None] = {}
    waiting = [model]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found[one] = None
            waiting += [inner for name in one.model_fields for inner in models_in(one, name)]
    return tuple(found)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models(inner)
