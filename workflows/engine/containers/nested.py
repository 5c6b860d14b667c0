"""The graph inside of a container, and which of its steps fail the round or copy they are in."""

from __future__ import annotations

from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.graph.step_plan import GraphPlan, StepPlan
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.step.context import StepContext


def nested_graph(step: StepContext) -> GraphPlan:
    """The graph inside of a container."""
    if step.plan.children is None:
        raise AssertionError(f"step {step.path!r} has no nested graph")
    return step.plan.children


def fails_its_pass(record: Record) -> bool:
    """Whether a round or copy fails with this step; of a failed error handler the end of its owner tells."""
    return record.status is StepStatus.FAILED and can_fail_its_pass(record.plan)


def can_fail_its_pass(plan: StepPlan) -> bool:
    """Whether a round or copy fails where this step does."""
    return not plan.retries.continue_on_failure and not plan.owners
