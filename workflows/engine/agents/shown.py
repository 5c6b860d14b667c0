"""How people read the call of a tool: its name and its small arguments, without what the definition binds and what is secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from advanced_workflow.workflows.contract import Json, ToolCall
from advanced_workflow.workflows.definition.problems.places import shorten
from advanced_workflow.workflows.plain.strict_json import encode

_LONGEST_VALUE = 40
_LONGEST = 120


def shown_call(call: ToolCall, schema: Mapping[str, Json]) -> str:
    """A call as text: `restart(service=checkout)`."""
    properties: object = schema.get("properties", {})
    known = cast("Mapping[str, Any]", properties if isinstance(properties, dict) else {})
    parts = [f"{name}={_shown(value, known.get(name))}" for name, value in call.arguments.items()]
    return shorten(f"{call.name}({', '.join(parts)})", _LONGEST)


def _shown(value: Json, schema: object) -> str:
    fields = cast("Mapping[str, Any]", schema if isinstance(schema, dict) else {})
    if fields.get("writeOnly") is True or fields.get("format") == "password":
        return "***"
    text = value if isinstance(value, str) else encode(value, "an argument").decode()
    return shorten(text, _LONGEST_VALUE)
