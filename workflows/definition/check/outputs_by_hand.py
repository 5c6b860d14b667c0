"""What a step's output looks like, as far as its type, its action or the definition it runs says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.check.rules.children import Definitions
from advanced_workflow.workflows.definition.model.base import Schema
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep


def output_schema(step: WorkflowStep, actions: ActionCatalog, definitions: Definitions) -> Schema | None:
    """Give a JSON Schema in which an object has the fields it mentions and no others; None where nothing is known."""
    if step.action is not None:
        info = actions.get(step.action)
        return info.output_schema if info else None
    if step.workflow is not None:
        child = definitions.get(step.workflow)
        return _mapped(child.output) if child is not None and child.output is not None else None
    shape = _SHAPES.get(step.step_type)
    return shape(step) if shape else None


def _fields(*names: str) -> Schema:
    return {"properties": {name: {} for name in names}}


def _mapped(mapping: Mapping[str, Any]) -> Schema:
    """The shape of what a mapping builds: objects are walked, anything else may be anything."""
    inner = {name: cast("dict[str, Any]", part) for name, part in mapping.items() if isinstance(part, dict)}
    return {"properties": {name: _mapped(inner[name]) if name in inner else {} for name in mapping}}


def _container(_: WorkflowStep) -> Schema:
    counts = ("total_steps", "successful_steps", "failed_steps", "skipped_steps", "success_rate")
    return _fields(*counts, "results", "failures")


def _loop(step: WorkflowStep) -> Schema:
    return _fields("iterations") if step.body else {}


def _approval(_: WorkflowStep) -> Schema:
    return _fields("decision", "approver", "decided_at", "comment", "form", "by_deadline", "decisions")


def _wait(step: WorkflowStep) -> Schema:
    # An event brings any data.
    return _fields("until") if step.wait is not None and step.wait.event is None else {}


def _webhook(step: WorkflowStep) -> Schema:
    callback = ("callback",) if step.webhook is not None and step.webhook.callback is not None else ()
    return _fields("status", "headers", "body", *callback)


_SHAPES: dict[StepType, Callable[[WorkflowStep], Schema]] = {
    StepType.PARALLEL: _container,
    StepType.CONDITIONAL: lambda _: _fields("routed"),
    StepType.LOOP: _loop,
    StepType.HUMAN_APPROVAL: _approval,
    StepType.WAIT: _wait,
    StepType.WEBHOOK: _webhook,
    StepType.ROLLBACK: lambda _: _fields("undone"),
}
