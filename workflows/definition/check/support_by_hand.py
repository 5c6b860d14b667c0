"""What the language has and this release does not run yet."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.definition.graph.outline import outline
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

_STEP_TYPES = frozenset({StepType.REACT, StepType.ORCHESTRATOR})


def unsupported(workflow: AdvancedWorkflow) -> list[Problem]:
    """List the uses of parts that are checked but not run yet, in document order; the engine refuses each of them."""
    found: list[Problem] = []
    for placement in outline(workflow).placements:
        found += [_not_yet((*placement.loc, *loc), what) for loc, what in _uses(placement.step)]
    return found


def _uses(step: WorkflowStep) -> Iterator[tuple[Loc, str]]:
    if step.step_type in _STEP_TYPES:
        yield ("step_type",), f"step type '{step.step_type.value}'"
    if step.approval is not None:
        yield from _approval_uses(step.approval)


def _approval_uses(approval: Approval) -> Iterator[tuple[Loc, str]]:
    if approval.escalation is not None:
        yield ("approval", "escalation"), "escalation"
    if approval.reminders:
        yield ("approval", "reminders"), "reminders"
    if approval.on_timeout == "escalate":
        yield ("approval", "on_timeout"), "'on_timeout: escalate'"


def _not_yet(loc: Loc, what: str) -> Problem:
    message = f"{what} is checked but not supported yet; the engine refuses it."
    return warning(Code.NOT_SUPPORTED_YET, loc, message, "Leave it out for now.")
