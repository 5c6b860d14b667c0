"""How people read the call of a tool: its name and its small arguments, without what the definition binds and what is secret."""

from __future__ import annotations

from collections.abc import Collection

from advanced_workflow.workflows.contract import Json, ToolCall
from advanced_workflow.workflows.definition.model.base import Schema
from advanced_workflow.workflows.definition.problems.places import shorten
from advanced_workflow.workflows.definition.schema.secret_fields import without_secrets
from advanced_workflow.workflows.plain.strict_json import encode

_LONGEST_VALUE = 40
_LONGEST = 120


def shown_call(call: ToolCall, bound: Collection[str], schema: Schema) -> str:
    """A call as text: `restart(service=checkout)`. `bound` are the parameters that the definition chooses, `schema` is what the model was shown of the others."""
    parts = [
        f"{name}={_shown(value)}"
        for name, value in without_secrets(call.arguments, schema).items()
        if name not in bound
    ]
    return shorten(f"{call.name}({', '.join(parts)})", _LONGEST)


def _shown(value: Json) -> str:
    text = value if isinstance(value, str) else encode(value, "an argument").decode()
    return shorten(text, _LONGEST_VALUE)
