"""A real model in the place of the scripts that the library's agents follow (`ADW_LIBRARY_MODEL`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue

from advanced_workflow.workflows.definition.kinds.react import SCRIPTED
from advanced_workflow.workflows.definition.text.load import LIBRARY, LoadedDefinition, dump_definition
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

_ASKING = ("agent", "orchestrator")
"""Fields of a step, tool or worker that name a model."""


def with_model(definitions: Iterable[LoadedDefinition], model: str) -> list[LoadedDefinition]:
    """The same definitions, those of the library with `model` wherever an agent asks a scripted one.

    A run pins what it asks, so its history and report name the real model.
    """
    return [_with_model(one, model) if _of_library(one) else one for one in definitions]


def _of_library(definition: LoadedDefinition) -> bool:
    return Path(definition.source).is_relative_to(LIBRARY)


def _with_model(definition: LoadedDefinition, model: str) -> LoadedDefinition:
    data = dump_definition(definition.workflow)
    changed = _replaced(data, model)
    return definition if changed == data else replace(definition, workflow=AdvancedWorkflow.model_validate(changed))


def _replaced(value: JsonValue, model: str) -> JsonValue:
    if isinstance(value, list):
        return [_replaced(one, model) for one in value]
    if not isinstance(value, dict):
        return value
    found = {name: _replaced(one, model) for name, one in value.items()}
    for name in _ASKING:
        asking = found.get(name)
        if isinstance(asking, dict) and str(asking.get("model", "")).startswith(f"{SCRIPTED}:"):
            found[name] = {**asking, "model": model}
    return found
