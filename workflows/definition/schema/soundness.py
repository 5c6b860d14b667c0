"""Is a JSON Schema sound: each keyword has a value of its kind, references stay inside, patterns are RE2, and its cost is bounded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from math import isfinite
from typing import Any, Final, cast

from advanced_workflow.workflows.definition.problems.places import Loc, shorten
from advanced_workflow.workflows.definition.schema.places import (
    LISTS,
    MAX_PROBLEMS,
    NAMED,
    NESTED,
    REFERENCES,
    SCHEMA_KEYWORDS,
    of_the_same_value,
    resolve_pointer,
    sentence,
    shown,
    subschemas,
)
from advanced_workflow.workflows.expressions.patterns import pattern_problem

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
MAX_EXPANSION: Final = 10_000
"""Subschemas that may apply to one and the same value."""
_MAX_REFERENCES: Final = 60
"""References and alternatives in each other for one value."""
_MAX_DEPTH: Final = 300

_TYPES: Final = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_ANCHOR: Final = re.compile(r"[A-Za-z_][-A-Za-z0-9._]*")

_Shape = tuple[Callable[[Any], bool], str]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and _is_finite(value)


def _is_finite(value: float) -> bool:
    return isinstance(value, int) or isfinite(value)


def _is_count(value: object) -> bool:
    return (
        _is_number(value)
        and cast("float", value) >= 0
        and (isinstance(value, int) or cast("float", value).is_integer())
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_texts(value: object) -> bool:
    items = cast("list[object]", value) if isinstance(value, list) else [None]
    return all(isinstance(one, str) for one in items) and len(set(items)) == len(items)


def _are_types(value: object) -> bool:
    if isinstance(value, str):
        return value in _TYPES
    return _are_texts(value) and bool(value) and set(cast("list[str]", value)) <= _TYPES


def _is_schema(value: object) -> bool:
    return isinstance(value, dict | bool)


def _are_schemas(value: object) -> bool:
    return isinstance(value, list) and value != [] and all(_is_schema(one) for one in cast("list[object]", value))


def _are_named_schemas(value: object) -> bool:
    return isinstance(value, dict) and all(_is_schema(one) for one in cast("dict[str, object]", value).values())


def _are_lists_of_texts(value: object) -> bool:
    return isinstance(value, dict) and all(_are_texts(one) for one in cast("dict[str, object]", value).values())


_A_BOOL: Final[_Shape] = (lambda value: isinstance(value, bool), "true or false")
_A_COUNT: Final[_Shape] = (_is_count, "a whole number that is not negative")
_A_LIST: Final[_Shape] = (lambda value: isinstance(value, list), "a list")
_A_NUMBER: Final[_Shape] = (_is_number, "a number")
_A_SCHEMA: Final[_Shape] = (_is_schema, "a schema: an object, true or false")
_A_TEXT: Final[_Shape] = (_is_text, "a string")
_SHAPES: Final[Mapping[str, _Shape]] = {
    **dict.fromkeys(("$id", "$schema", "$comment", "title", "description", "format"), _A_TEXT),
    **dict.fromkeys(("contentEncoding", "contentMediaType", "pattern", *REFERENCES), _A_TEXT),
    **dict.fromkeys(
        ("$anchor", "$dynamicAnchor"),
        (lambda value: isinstance(value, str) and _ANCHOR.fullmatch(value) is not None, "a plain name"),
    ),
    "$vocabulary": (lambda value: isinstance(value, dict), "an object"),
    **dict.fromkeys(("deprecated", "readOnly", "writeOnly", "uniqueItems"), _A_BOOL),
    **dict.fromkeys(("maxItems", "minItems", "maxLength", "minLength", "maxProperties", "minProperties"), _A_COUNT),
    **dict.fromkeys(("maxContains", "minContains"), _A_COUNT),
    **dict.fromkeys(("enum", "examples"), _A_LIST),
    **dict.fromkeys(("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum"), _A_NUMBER),
    "multipleOf": (lambda value: _is_number(value) and value > 0, "a number above 0"),
    "type": (_are_types, f"one or several of {', '.join(sorted(_TYPES))}"),
    "required": (_are_texts, "a list of different strings"),
    "dependentRequired": (_are_lists_of_texts, "an object of lists of different strings"),
    **dict.fromkeys(SCHEMA_KEYWORDS, _A_SCHEMA),
    **dict.fromkeys(LISTS, (_are_schemas, "a list of schemas that is not empty")),
    **dict.fromkeys(NAMED, (_are_named_schemas, "an object of schemas")),
}


def schema_problems(schema: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with a JSON Schema; at most ten sentences, none when it is sound. Never raises for any JSON object.

    References must stay inside the schema (`#/...`) and lead to a schema.
    """
    found = list(islice(_problems(schema), MAX_PROBLEMS))
    return found or [*_expansion_problems(schema)]


def _problems(root: Mapping[str, Any]) -> Iterator[str]:
    waiting: list[tuple[Loc, object]] = [((), root)]
    seen: set[int] = set()
    while waiting:
        loc, node = waiting.pop()
        if not isinstance(node, dict) or id(cast("object", node)) in seen:
            continue
        inside = cast("dict[str, Any]", node)
        seen.add(id(inside))
        if len(loc) > _MAX_DEPTH:
            yield sentence((), NESTED)
            return
        yield from _keyword_problems(inside, root, loc)
        waiting += reversed([((*loc, *part), inner) for part, inner in subschemas(inside)])
        # What a reference leads to is a schema wherever it stands.
        waiting += [
            ((*loc, name), resolve_pointer(inside[name], root)) for name in REFERENCES if _is_inside(inside, name)
        ]


def _is_inside(schema: Mapping[str, Any], keyword: str) -> bool:
    target = schema.get(keyword)
    return isinstance(target, str) and (target == "#" or target.startswith("#/"))


def _keyword_problems(schema: Mapping[str, Any], root: Mapping[str, Any], loc: Loc) -> Iterator[str]:
    for keyword, value in schema.items():
        shape = _SHAPES.get(keyword)
        if shape is not None and not shape[0](value):
            yield sentence((*loc, keyword), f"{shown(value)} is not {shape[1]}")
        elif keyword in REFERENCES:
            yield from _reference_problems(value, root, (*loc, keyword))
        else:
            patterns = [value] if keyword == "pattern" else value if keyword == "patternProperties" else ()
            yield from _pattern_problems(patterns, (*loc, keyword))
    if isinstance(schema.get("$schema"), str) and schema["$schema"].rstrip("#") != DIALECT:
        yield sentence((*loc, "$schema"), f"only {DIALECT} is understood")
    if loc and "$id" in schema:
        yield sentence((*loc, "$id"), "a nested '$id' is not allowed; use '$defs' and '#/$defs/...'")


def _pattern_problems(patterns: Iterable[str], loc: Loc) -> Iterator[str]:
    for pattern in patterns:
        if (reason := pattern_problem(pattern)) is not None:
            yield sentence(loc, f"{shown(pattern)} is not a pattern of RE2 that can be used: {reason}")


def _reference_problems(target: str, root: Mapping[str, Any], loc: Loc) -> Iterator[str]:
    if target != "#" and not target.startswith("#/"):
        yield sentence(loc, f"{shorten(target)!r} is not inside this schema; only '#/...' is allowed")
    elif not _is_schema(resolve_pointer(target, root)):
        yield sentence(loc, f"{shorten(target)!r} leads nowhere")


def _expansion_problems(root: Mapping[str, Any]) -> Iterator[str]:
    expansion = _Expansion(root)
    waiting: list[object] = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict) or id(cast("object", node)) in seen:
            continue
        schema = cast("dict[str, Any]", node)
        seen.add(id(schema))
        try:
            expansion.size(schema, 0)
        except _EndlessError as error:
            yield sentence((), str(error))
            return
        waiting += [inner for _, inner in subschemas(schema)]


class _EndlessError(Exception):
    """A schema costs too much whatever the value is."""


class _Expansion:
    """How many subschemas apply to one value, for each schema in another."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._known: dict[int, int] = {}
        self._open: set[int] = set()

    def size(self, node: object, depth: int) -> int:
        """Count them; raise `_EndlessError` when they are too many."""
        if not isinstance(node, dict):
            return 1
        schema = cast("dict[str, Any]", node)
        if id(schema) in self._open:
            raise _EndlessError("it applies itself to the same value without end")
        if depth > _MAX_REFERENCES:
            raise _EndlessError(f"more than {_MAX_REFERENCES} references or alternatives are in each other")
        if id(schema) not in self._known:
            self._open.add(id(schema))
            total = 1 + sum(self.size(inner, depth + 1) for inner in of_the_same_value(schema, self._root))
            self._open.discard(id(schema))
            if total > MAX_EXPANSION:
                raise _EndlessError(f"more than {MAX_EXPANSION:,} subschemas apply to one value")
            self._known[id(schema)] = total
        return self._known[id(schema)]
