"""Sorts places as a reader meets them: fields in the order of the models, list items by number."""

from __future__ import annotations

from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.definition.kinds.wait import WaitFor
from advanced_workflow.workflows.definition.model.conditions import Condition
from advanced_workflow.workflows.definition.model.retries import RetryPolicy
from advanced_workflow.workflows.definition.problems.places import parts
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

_RANKS = {
    name: rank
    for model in (AdvancedWorkflow, RetryPolicy, Condition, WaitFor, Approval, WorkflowStep)
    for rank, name in enumerate(model.model_fields)
}
_LAST = 1000


def document_order(path: str) -> list[tuple[int, str]]:
    """Sort key of a written place; a place comes before what lies in it."""
    return [(part, "") if isinstance(part, int) else (_RANKS.get(part, _LAST), part) for part in parts(path)]
