"""Rules about names: those of the engine's own activities and workflow types are not for definitions."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.model.marked import named
from advanced_workflow.workflows.definition.model.markers import ActionName
from advanced_workflow.workflows.definition.model.reserved import (
    is_reserved_action,
    is_reserved_workflow_type,
)
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def reserved_names(workflow: AdvancedWorkflow) -> Iterator[Problem]:
    """The definition's own name."""
    if is_reserved_workflow_type(workflow.workflow_id):
        message = f"workflow type {workflow.workflow_id!r} is the engine's own."
        yield problem(Code.RESERVED_NAME, ("workflow_id",), message, "Give it another name.")


def reserved_problems(placement: Placement) -> Iterator[Problem]:
    """The actions and the definition that one step names."""
    for loc, name, _ in named(placement.step, ActionName, placement.loc):
        if is_reserved_action(name):
            message = f"action {name!r} is the engine's own and cannot be called by name."
            yield problem(
                Code.RESERVED_NAME, loc, message, "Use the step type that runs it: 'webhook' for HTTP requests."
            )
    if placement.step.workflow is not None and is_reserved_workflow_type(placement.step.workflow):
        message = f"workflow type {placement.step.workflow!r} is the engine's own."
        yield problem(Code.RESERVED_NAME, (*placement.loc, "workflow"), message, "Name a registered definition.")
