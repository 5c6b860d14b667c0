"""Rules about the routes of `conditional` steps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from advanced_workflow.workflows.definition.graph.order import GraphOrder
from advanced_workflow.workflows.definition.graph.outline import Edge, Outline, Placement
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem, warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.step import WorkflowStep

NEVER: Final = "false"
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
    for index, reason in dead_routes(placement.step).items():
        message = f"this route is never taken: {reason}."
        yield warning(Code.UNREACHABLE_STEP, (*placement.loc, "conditions", index), message, "Remove or change it.")


def dead_routes(step: WorkflowStep) -> dict[int, str]:
    """Numbers of the conditions of a `conditional` step that never route, and why."""
    if step.step_type is not StepType.CONDITIONAL:
        return {}
    texts = [(condition.expression or "").strip() for condition in step.conditions]
    always = texts.index(_ALWAYS) if _ALWAYS in texts else len(texts)
    dead: dict[int, str] = {}
    for index, condition in enumerate(step.conditions):
        if texts[index] == NEVER:
            dead[index] = "it is 'false'"
        elif index > always and step.mode == "first":
            dead[index] = "a condition before it is 'true'"
        elif condition.default and always < len(texts):
            dead[index] = "a condition beside it is 'true'"
    return dead


def idle_route_problems(found: Outline, orders: Mapping[int, GraphOrder], upstream: Sequence[int]) -> Iterator[Problem]:
    """Routes to steps that run without them: one edge that is taken is enough, and another one leads there from before the choice."""
    for graph in found.graphs:
        order = orders[id(graph)]
        for placement in graph.members:
            if placement.step.join == "all":
                yield from _idle_routes(order.incoming.get(placement.number, ()), upstream)


def _idle_routes(incoming: Sequence[Edge], upstream: Sequence[int]) -> Iterator[Problem]:
    routers = {edge.before.number for edge in incoming if edge.kind == "route"}
    others = {
        edge.before.number: edge.before.step.step_id
        for edge in incoming
        if edge.kind not in ("route", "handler") and edge.before.number not in routers
    }
    followed = sum(1 << number for number in others)
    for edge in incoming:
        earlier = followed & upstream[edge.before.number] if edge.kind == "route" else 0
        if earlier:
            other, router = others[earlier.bit_length() - 1], edge.before.step.step_id
            message = (
                f"step {edge.after.step.step_id!r} also follows {other!r}, so it runs whatever {router!r} chooses."
            )
            fix = f"Take the edge from {other!r} away, so that only the route leads there."
            yield warning(Code.NO_EFFECT, edge.loc, message, fix)
