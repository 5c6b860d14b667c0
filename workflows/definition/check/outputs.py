"""What a step's output looks like, as far as its kind, its action or the definition it runs says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.check.rules.fields import traits_of
from advanced_workflow.workflows.definition.kinds.table import KINDS
from advanced_workflow.workflows.definition.model.base import Schema
from advanced_workflow.workflows.definition.model.markers import Trait
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.versions import Definitions


def output_schema(step: WorkflowStep, actions: ActionCatalog, definitions: Definitions) -> Schema | None:
    """Give a JSON Schema in which an object has the fields it mentions and no others; None where nothing is known."""
    if step.action is not None:
        info = actions.get(step.action)
        return info.output_schema if info else None
    if step.workflow is not None:
        child = definitions.find(step.workflow, step.workflow_version)
        return _mapped(child.output) if child is not None and child.output is not None else None
    if Trait.NAMES_ACTION in traits_of(step):
        return None
    kind = KINDS[step.step_type]
    if kind.gives_its_input:
        return _mapped(step.input_mapping)
    names = kind.output(kind.value(step))
    return None if names is None else {"properties": {name: {} for name in names}}


def _mapped(mapping: Mapping[str, Any]) -> Schema:
    """The shape of what a mapping builds: objects are walked, anything else may be anything."""
    inner = {name: cast("dict[str, Any]", part) for name, part in mapping.items() if isinstance(part, dict)}
    return {"properties": {name: _mapped(inner[name]) if name in inner else {} for name in mapping}}
