"""Rules about what runs more than once: fan-outs and loops."""

from __future__ import annotations

from collections.abc import Iterator, Set

from advanced_workflow.workflows.definition.graph.outline import Graph, Outline, Placement
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem, warning
from advanced_workflow.workflows.definition.problems.problem import Problem

MOST_COPIES = 1000
"""How many copies of a fan-out run at a time at most."""
_ALWAYS = "true"


def repetition_problems(found: Outline) -> Iterator[Problem]:
    """Everything about fan-outs and loops."""
    racing = {id(graph) for graph in found.graphs if any(member.step.cancel_rest for member in graph.members)}
    for placement in found.placements:
        yield from _fan_out_problems(placement)
        if placement.step.step_type is StepType.LOOP:
            yield from _round_problems(placement)
            yield from _endless_problems(placement, racing)


def _fan_out_problems(placement: Placement) -> Iterator[Problem]:
    step, loc = placement.step, placement.loc
    if step.add_on is not None and step.for_each is None:
        message = "'add_on' means nothing without 'for_each': there are no items to add to."
        yield problem(Code.MEANINGLESS_FIELD, (*loc, "add_on"), message, "Add 'for_each', or remove it.")
    most = step.max_concurrency
    if step.for_each is not None and isinstance(most, int) and most > MOST_COPIES:
        message = f"never more than {MOST_COPIES:,} copies run at a time, so {most:,} has no effect."
        yield warning(Code.NO_EFFECT, (*loc, "max_concurrency"), message, f"Write at most {MOST_COPIES}.")


def _round_problems(loop: Placement) -> Iterator[Problem]:
    if (loop.step.action is None) == (not loop.step.body):
        message = "a loop needs either 'action' or 'body'."
        yield problem(Code.MISSING_FIELD, (*loop.loc, "body"), message, "Give exactly one of them.")


def _endless_problems(loop: Placement, racing: Set[int]) -> Iterator[Problem]:
    if (loop.step.loop_condition or "").strip() != _ALWAYS:
        return
    if any(_may_give_up(graph) for graph in loop.nested) or _is_ended_from_outside(loop, racing):
        return
    message = (
        f"the condition always holds and nothing else ends the loop, so it fails with 'LoopLimitExceeded' after "
        f"{loop.step.loop_max_iterations} rounds."
    )
    fix = "Write the condition for another round, or add 'cancel_on'."
    yield warning(Code.ENDLESS_LOOP, (*loop.loc, "loop_condition"), message, fix)


def _may_give_up(graph: Graph) -> bool:
    """Whether a person's no, or an event that does not come, fails a round and so ends the loop."""
    for member in graph.members:
        step = member.step
        if step.step_type is StepType.HUMAN_APPROVAL or (step.wait is not None and step.wait.timeout is not None):
            return True
        if any(_may_give_up(nested) for nested in member.nested):
            return True
    return False


def _is_ended_from_outside(loop: Placement, racing: Set[int]) -> bool:
    """Whether an event, a join that cancels the rest, or a container that is complete may end it."""
    placement: Placement | None = loop
    while placement is not None:
        if placement.step.cancel_on is not None or id(placement.graph) in racing:
            return True
        placement = placement.graph.owner
        if placement is not None and placement.step.complete_when is not None:
            return True
    return False
