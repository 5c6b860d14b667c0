"""Places in schemas and values, as sentences name them, and the subschemas that a schema holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from advanced_workflow.workflows.definition.problems.places import Loc, path_text, shorten

MAX_PROBLEMS: Final = 10
"""Sentences in one answer."""
MAX_SENTENCE: Final = 300
NESTED: Final = "it is nested too deeply to be checked"

SCHEMA_KEYWORDS: Final = frozenset(
    ("additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then")
) | frozenset(("unevaluatedItems", "unevaluatedProperties"))
"""Their value is a schema."""
LISTS: Final = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
"""Their value is a list of schemas."""
NAMED: Final = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
"""Their value is an object whose values are schemas."""
REFERENCES: Final = ("$ref", "$dynamicRef")

_SAME_VALUE: Final = frozenset({"allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"})


def at(loc: Loc) -> str:
    """The beginning of a sentence about a place."""
    text = path_text(loc)
    return f"{text if text.startswith('[') else '.' + text}: "


def sentence(loc: Loc, text: str) -> str:
    """A sentence about a place."""
    return at(loc) + shorten(text, MAX_SENTENCE)


def shown(value: object) -> str:
    """A value in a sentence, never whole data."""
    if isinstance(value, str):
        return shorten(repr(value[:80]) if len(value) > 80 else repr(value))
    if isinstance(value, dict | list):
        kind = "object" if isinstance(value, dict) else "list"
        return f"the {kind}" if value else f"the empty {kind}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return shorten(repr(value))


def resolve_pointer(pointer: str, root: Mapping[str, Any]) -> object | None:
    """Follow `#/$defs/Name` inside a schema; None when it leads nowhere."""
    node: object = root
    for raw in pointer.removeprefix("#").split("/")[1:]:
        part = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping) and part in node:
            node = cast("Mapping[str, object]", node)[part]
        elif isinstance(node, list) and _is_index(part, cast("list[object]", node)):
            node = cast("list[object]", node)[int(part)]
        else:
            return None
    return node


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[Loc, object]]:
    """The schemas that stand directly in a schema, whatever their keywords hold; references are not followed."""
    for keyword, value in schema.items():
        if keyword in SCHEMA_KEYWORDS:
            yield (keyword,), value
        elif keyword in LISTS and isinstance(value, list):
            for index, inner in enumerate(cast("list[object]", value)):
                yield (keyword, index), inner
        elif keyword in NAMED and isinstance(value, dict):
            for name, inner in cast("dict[str, object]", value).items():
                yield (keyword, name), inner


def of_the_same_value(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[object]:
    """The schemas that a schema applies to the very value it is applied to."""
    for loc, inner in subschemas(schema):
        if loc[0] in _SAME_VALUE:
            yield inner
    for keyword in REFERENCES:
        if isinstance(target := schema.get(keyword), str):
            yield resolve_pointer(target, root)


def _is_index(part: str, items: list[object]) -> bool:
    return part.isascii() and part.isdecimal() and len(part) < 10 and int(part) < len(items)
