"""The published JSON Schema of definitions, by which editors complete and check."""

from __future__ import annotations

from typing import Any

from advanced_workflow.workflows.definition.schema import DIALECT
from advanced_workflow.workflows.definition.step import RUNTIME_DEFAULTS
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

SCHEMA_ID = "urn:advanced-workflow:definition:1"
_SHORT_FORMS = {
    "Condition": "A CEL expression that gives a bool.",
    "ErrorHandler": "Id of the step to run.",
    "EventTrigger": "Name of the event.",
    "CancelOn": "Name of the event.",
    "Lock": "Name of the lock.",
}


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a definition: what `parse` accepts, as far as a schema can say it."""
    schema = AdvancedWorkflow.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    for name, description in _SHORT_FORMS.items():
        definitions[name] = {"anyOf": [{"type": "string", "description": description}, definitions[name]]}
    definitions["WorkflowStep"]["properties"] |= {
        name: {"const": default, "description": "A run-time field of older definitions; it must say nothing."}
        for name, default in RUNTIME_DEFAULTS.items()
    }
    schema["properties"]["$schema"] = {"type": "string", "description": "Where this schema is, for editors."}
    return {"$schema": DIALECT, "$id": SCHEMA_ID, **schema}
