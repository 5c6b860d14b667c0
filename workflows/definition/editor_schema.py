"""The published JSON Schema of definitions, by which editors complete and check."""

from __future__ import annotations

from typing import Any

from advanced_workflow.workflows.definition.model.marked import marks_of, models_within
from advanced_workflow.workflows.definition.model.markers import ShortForm
from advanced_workflow.workflows.definition.schema import DIALECT
from advanced_workflow.workflows.definition.step import RUNTIME_DEFAULTS
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

SCHEMA_ID = "urn:advanced-workflow:definition:1"


def json_schema() -> dict[str, Any]:
    """Give the JSON Schema (2020-12) of a definition: what `parse` accepts, as far as a schema can say it."""
    schema = AdvancedWorkflow.model_json_schema()
    definitions: dict[str, Any] = schema["$defs"]
    for model in models_within(AdvancedWorkflow):
        for form in marks_of(model, ShortForm).values():
            text = {"type": "string", "description": form.description}
            definitions[model.__name__] = {"anyOf": [text, definitions[model.__name__]]}
    definitions["WorkflowStep"]["properties"] |= {
        name: {"const": default, "description": "A run-time field of older definitions; it must say nothing."}
        for name, default in RUNTIME_DEFAULTS.items()
    }
    schema["properties"]["$schema"] = {"type": "string", "description": "Where this schema is, for editors."}
    return {"$schema": DIALECT, "$id": SCHEMA_ID, **schema}
