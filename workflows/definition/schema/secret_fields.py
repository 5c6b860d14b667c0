"""Which fields of an object are secret by its schema: `writeOnly`, or the format `password`. Nobody is shown them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from advanced_workflow.workflows.definition.model.base import Schema

_APART = frozenset({"properties", "$defs"})


def without_secrets(value: Mapping[str, Any], schema: Schema) -> dict[str, Any]:
    """The fields that may be shown. One that has a secret anywhere inside is left out whole, and so is all of which that is not sure."""
    definitions = schema.get("$defs")
    if _has_secret({name: part for name, part in schema.items() if name not in _APART}, definitions):
        return {}
    properties: object = schema.get("properties")
    known = cast("Mapping[str, Any]", properties if isinstance(properties, dict) else {})
    return {name: part for name, part in value.items() if not _has_secret(known.get(name), definitions)}


def has_secrets(schema: Schema) -> bool:
    """Whether anything that fits the schema may hold a secret."""
    return _is_secret_somewhere(schema)[0]


def _has_secret(schema: object, definitions: object) -> bool:
    found, refers = _is_secret_somewhere(schema)
    return found or (refers and _is_secret_somewhere(definitions)[0])


def _is_secret_somewhere(schema: object) -> tuple[bool, bool]:
    """Whether there is a secret field in a part of a schema, and whether the part refers to another one."""
    refers = False
    waiting = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(cast("list[object]", part))
        elif isinstance(part, dict):
            fields = cast("dict[str, object]", part)
            if fields.get("writeOnly") is True or fields.get("format") == "password":
                return True, refers
            refers = refers or "$ref" in fields
            waiting.extend(fields.values())
    return False, refers
