"""Rules about the routes of `conditional` steps."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem, warning
from advanced_workflow.workflows.definition.problems.problem import Problem

_NEVER = "false"
_ALWAYS = "true"


def route_problems(placement: Placement) -> Iterator[Problem]:
    """Conditions that need routes, conditions that have some where no step is routed to, and a second default."""
    step, loc = placement.step, (*placement.loc, "conditions")
    is_conditional = step.step_type is StepType.CONDITIONAL
    defaults = 0
    for index, condition in enumerate(step.conditions):
        defaults += condition.default
        if is_conditional and not condition.next_steps:
            message = "a condition of a 'conditional' step needs 'next_steps'."
            yield problem(Code.MISSING_FIELD, (*loc, index, "next_steps"), message, "Name the steps it routes to.")
        if is_conditional and condition.default and defaults == 2:
            message = "only one condition of a step may be the default."
            yield problem(Code.DEFAULT_CONDITION, (*loc, index, "default"), message, "Keep one of them.")
        for name in () if is_conditional else ("default", "next_steps"):
            if getattr(condition, name):
                message = f"'{name}' in a condition means nothing on a step of type '{step.step_type.value}'."
                fix = "Remove it, or make the step 'conditional'."
                yield problem(Code.MEANINGLESS_FIELD, (*loc, index, name), message, fix)


def dead_route_problems(placement: Placement) -> Iterator[Problem]:
    """Routes that are never taken, as far as constants show."""
    step = placement.step
    if step.step_type is not StepType.CONDITIONAL:
        return
    always = False
    for index, condition in enumerate(step.conditions):
        never = (condition.expression or "").strip() == _NEVER
        if never or (always and step.mode == "first"):
            reason = "it is 'false'" if never else "a condition before it is 'true'"
            message = f"this route is never taken: {reason}."
            yield warning(Code.UNREACHABLE_STEP, (*placement.loc, "conditions", index), message, "Remove or change it.")
        always = always or (condition.expression or "").strip() == _ALWAYS
