"""What a flowchart writes on its steps and edges."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.definition.kinds.kind import LONGEST
from advanced_workflow.workflows.definition.kinds.table import kind_lines
from advanced_workflow.workflows.definition.model.conditions import Condition
from advanced_workflow.workflows.definition.model.events import EventTrigger
from advanced_workflow.workflows.definition.problems.places import shorten
from advanced_workflow.workflows.definition.step import WorkflowStep


def step_lines(step: WorkflowStep) -> Iterator[str]:
    """The label, and a line for each thing that the shape and the edges do not show."""
    yield step.label
    if step.for_each is not None or step.complete_when is not None:
        yield from _fan_out_lines(step)
    if step.loop_condition is not None:
        yield from _loop_lines(step)
    if step.workflow is not None:
        yield f"runs {step.workflow} {step.workflow_version or ''}".strip()
    yield from kind_lines(step)
    yield from _start_and_end_lines(step)


def condition_text(condition: Condition) -> str:
    """A route's condition."""
    if condition.default:
        return "otherwise"
    if condition.expression is not None:
        return shorten(condition.expression, LONGEST)
    operator = condition.operator.value if condition.operator else ""
    value = "" if condition.value is None else repr(condition.value)
    return shorten(f"{condition.field} {operator} {value}".strip(), LONGEST)


def _fan_out_lines(step: WorkflowStep) -> Iterator[str]:
    if step.for_each is not None:
        at_once = f", {shorten(str(step.max_concurrency), LONGEST)} at a time" if step.max_concurrency else ""
        yield f"for each of {shorten(step.for_each, LONGEST)}{at_once}"
    if step.add_on is not None:
        yield f"one more for each {_event(step.add_on)}"
    if step.complete_when is not None:
        yield f"complete when {shorten(step.complete_when, LONGEST)}"


def _loop_lines(step: WorkflowStep) -> Iterator[str]:
    once = "once, then again " if step.loop_check == "after" else ""
    yield f"{once}while {shorten(step.loop_condition or '', LONGEST)}"


def _start_and_end_lines(step: WorkflowStep) -> Iterator[str]:
    if step.join != "all":
        rest = ", cancels the rest" if step.cancel_rest else ""
        yield f"join: {shorten(str(step.join), LONGEST)}{rest}"
    if step.lock is not None:
        limit = f", {step.lock.max_concurrent} at a time" if step.lock.max_concurrent > 1 else ""
        yield f"lock {step.lock.name}{limit}"
    if step.cancel_on is not None:
        ends = {"skip": "skipped", "complete": "completed", "fail": "failed"}[step.cancel_on.outcome]
        yield f"{ends} by {_event(step.cancel_on)}"


def _event(trigger: EventTrigger) -> str:
    return f"event {trigger.event}"
