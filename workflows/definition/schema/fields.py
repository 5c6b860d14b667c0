"""Which fields the values of a schema can have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, cast

from advanced_workflow.workflows.definition.problems.places import listed
from advanced_workflow.workflows.definition.schema.places import resolve_pointer

_MOST_BRANCHES: Final = 200
"""Alternatives of one place that are looked at."""
# With one of these beside `properties`, an object may have other fields.
_OPEN_KEYWORDS = frozenset(
    ("patternProperties", "allOf", "if", "$ref", "$dynamicRef", "dependentSchemas", "unevaluatedProperties")
)


def unknown_part(
    schema: Mapping[str, Any], path: tuple[str, ...], *, closed_by_default: bool
) -> tuple[str, str] | None:
    """Find the first part of a path that no value of a schema can have.

    Gives the part and a list of the names that exist, or None where the path is possible or the schema does not say.
    `closed_by_default` treats an object schema that does not mention `additionalProperties` as closed.
    """
    nodes: list[Mapping[str, Any]] = [schema]
    for part in path:
        nodes = list(islice((leaf for node in nodes for leaf in _branches(node, schema)), _MOST_BRANCHES + 1))
        if not 0 < len(nodes) <= _MOST_BRANCHES:
            return None
        if not all(_is_closed(node, closed_by_default=closed_by_default) for node in nodes):
            return None
        found = [node["properties"][part] for node in nodes if part in node["properties"]]
        if not found:
            return part, listed(sorted({name for node in nodes for name in node["properties"]}))
        nodes = [node for node in found if isinstance(node, dict)]
    return None


def _branches(node: Mapping[str, Any], root: Mapping[str, Any], depth: int = 20) -> Iterator[Mapping[str, Any]]:
    """Flatten references and alternatives; `null` has no fields and is left out."""
    target = resolve_pointer(node["$ref"], root) if str(node.get("$ref", "")).startswith("#/") else None
    if depth and isinstance(target, Mapping):
        yield from _branches(cast("Mapping[str, Any]", target), root, depth - 1)
        return
    options = [option for keyword in ("anyOf", "oneOf") for option in _list(node.get(keyword))]
    if not options or not depth:
        yield node
    for option in options if depth else []:
        if isinstance(option, dict) and cast("dict[str, Any]", option).get("type") != "null":
            yield from _branches(cast("dict[str, Any]", option), root, depth - 1)


def _list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _is_closed(node: Mapping[str, Any], *, closed_by_default: bool) -> bool:
    if not isinstance(node.get("properties"), Mapping) or _OPEN_KEYWORDS & node.keys():
        return False
    return node.get("additionalProperties", not closed_by_default) is False
