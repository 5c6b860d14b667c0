"""Rules about joins: they can be met, they change something, and they take nothing away from other steps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from advanced_workflow.workflows.definition.check.rules.routes import dead_routes
from advanced_workflow.workflows.definition.graph.order import GraphOrder
from advanced_workflow.workflows.definition.graph.outline import Outline, Placement
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem, warning
from advanced_workflow.workflows.definition.problems.problem import Problem

_Join: TypeAlias = int | str


def join_problems(found: Outline, orders: Mapping[int, GraphOrder], upstream: Sequence[int]) -> Iterator[Problem]:
    """Everything about `join` and `cancel_rest`; `upstream` is a bit mask of the steps before each step."""
    for graph in found.graphs:
        order = orders[id(graph)]
        races = any(member.step.cancel_rest for member in graph.members)
        needed = _needed_by(order) if races else {}
        for placement in graph.members:
            befores = _dependencies(placement, order)
            yield from _own_problems(placement, len(befores))
            yield from _route_problems(placement, befores, order)
            if placement.step.cancel_rest and _leaves_some(placement.step.join, len(befores)):
                # What is upstream is only a longer way to this step.
                elsewhere = ~(upstream[placement.number] | 1 << placement.number)
                for before in befores:
                    if others := needed[before.number] & elsewhere:
                        yield _shared(placement, before, found.placements[others.bit_length() - 1])


def _dependencies(placement: Placement, order: GraphOrder) -> list[Placement]:
    """What a step waits for, each once; an error handler does not wait for its owners."""
    edges = [edge for edge in order.incoming.get(placement.number, ()) if edge.kind != "handler"]
    return list({edge.before.number: edge.before for edge in edges}.values())


def _leaves_some(join: _Join, count: int) -> bool:
    """Whether a step may start while one of its dependencies is not settled."""
    return join != "all" and count > (join if isinstance(join, int) else 1)


def _needed_by(order: GraphOrder) -> dict[int, int]:
    """For each step a bit mask of those that wait for it and for all else they depend on."""
    needed: dict[int, int] = {}
    for number, outgoing in order.outgoing.items():
        needed[number] = 0
        for edge in outgoing:
            if edge.kind != "handler" and edge.after.step.join == "all":
                needed[number] |= 1 << edge.after.number
    return needed


def _own_problems(placement: Placement, count: int) -> Iterator[Problem]:
    step, loc = placement.step, placement.loc
    if step.join == "all":
        if step.cancel_rest:
            message = "'cancel_rest' means nothing when the join needs all dependencies."
            yield problem(Code.MEANINGLESS_FIELD, (*loc, "cancel_rest"), message, "Set 'join', or remove it.")
    elif isinstance(step.join, int) and step.join > count:
        message = f"the join needs {step.join} steps, but it depends on {count}."
        yield problem(Code.WRONG_VALUE, (*loc, "join"), message, "Lower it, or add dependencies.")
    elif count < _fewest(step.join):
        message = f"this join has no effect: the step depends on {count or 'no'} other step{'s' if count != 1 else ''}."
        yield warning(Code.NO_EFFECT, (*loc, "join"), message, "Remove it, or add dependencies.")


def _route_problems(placement: Placement, befores: list[Placement], order: GraphOrder) -> Iterator[Problem]:
    """A number that more steps must complete than ever run together, as the routes of one choice exclude each other."""
    join = placement.step.join
    if not isinstance(join, int) or join > len(befores):
        return
    together, by_choice = 0, dict[str, Counter[int]]()
    for before in befores:
        choice = _only_route(before, order)
        if choice is None:
            together += 1
        else:
            by_choice.setdefault(choice[0], Counter())[choice[1]] += 1
    most = together + sum(max(one.values()) for one in by_choice.values())
    if most < join:
        names = " and ".join(repr(one) for one in sorted(by_choice))
        message = f"it can never run: the join needs {join} steps, but never more than {most} of them run in one run, as {names} chooses between them."
        yield warning(Code.UNREACHABLE_STEP, placement.loc, message, f"Lower 'join' to {most}, or use 'any'.")


def _only_route(before: Placement, order: GraphOrder) -> tuple[str, int] | None:
    """The step whose choice alone leads to a step, and the number of the one route that does."""
    incoming = order.incoming.get(before.number, ())
    sources = {edge.before.number: edge.before.step for edge in incoming}
    if len(sources) != 1 or any(edge.kind == "handler" for edge in incoming):
        return None
    [choosing] = sources.values()
    routes = [number for number, one in enumerate(choosing.conditions) if before.step.step_id in one.next_steps]
    if choosing.step_type is not StepType.CONDITIONAL or choosing.mode != "first" or len(routes) != 1:
        return None
    if dead_routes(choosing):  # What these lead to, and that such a join is never met, is told there.
        return None
    return choosing.step_id, routes[0]


def _fewest(join: _Join) -> int:
    # An expression may start a step although its only dependency failed.
    return 2 if isinstance(join, int) or join == "any" else 1


def _shared(placement: Placement, before: Placement, other: Placement) -> Problem:
    name, waits = before.step.step_id, other.step.step_id
    message = f"it may cancel step {name!r}, which {waits!r} needs too and then is skipped or goes without."
    fix = f"Let {waits!r} depend on this step, or leave 'cancel_rest' out."
    return warning(Code.SHARED_DEPENDENCY, (*placement.loc, "cancel_rest"), message, fix)
