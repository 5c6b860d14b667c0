"""The order of a graph's steps, the cycles that spoil it, and what is upstream of each step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from advanced_workflow.workflows.definition.graph.outline import Edge, Graph, Outline, Placement, edges

_MAX_CYCLES = 20


@dataclass(slots=True, eq=False)
class GraphOrder:
    """A graph's edges, by the number of the step they lead to and come from, and what follows from them.

    `ordered` are the steps that can be reached, each after all it waits for; `cycles` are lists of edges that lead back
    to their start; `behind` are steps that wait for a cycle.
    """

    incoming: dict[int, list[Edge]] = field(default_factory=dict)
    outgoing: dict[int, list[Edge]] = field(default_factory=dict)
    ordered: list[Placement] = field(default_factory=list)
    cycles: list[list[Edge]] = field(default_factory=list)
    behind: list[Placement] = field(default_factory=list)


def graph_order(graph: Graph) -> GraphOrder:
    """Order a graph's steps; linear in steps and edges as long as there are few cycles."""
    order = GraphOrder()
    for edge in edges(graph):
        order.incoming.setdefault(edge.after.number, []).append(edge)
        order.outgoing.setdefault(edge.before.number, []).append(edge)
    order.ordered = _peel(graph.members, order)
    reached = {placement.number for placement in order.ordered}
    waiting = [placement for placement in graph.members if placement.number not in reached]
    order.cycles = _cycles(waiting, order.incoming)
    circling = {edge.after.number for cycle in order.cycles for edge in cycle}
    order.behind = [placement for placement in waiting if placement.number not in circling]
    return order


def settled_masks(found: Outline) -> list[int]:
    """For each step a bit mask of what has one outcome once it is settled: itself and the steps nested in it.

    The copies of a `for_each` have many outcomes, so they are left out.
    """
    masks = [0] * len(found.placements)
    for placement in reversed(found.placements):  # What is nested has higher numbers.
        mask = 1 << placement.number
        if placement.step.for_each is None:
            for graph in placement.nested:
                for member in graph.members:
                    mask |= masks[member.number]
        masks[placement.number] = mask
    return masks


def upstream_masks(found: Outline, orders: Mapping[int, GraphOrder], settled: Sequence[int]) -> list[int]:
    """What has been settled, or decided not to run, before each step starts.

    One bit mask a step (bit n is the step of number n): its dependencies and theirs, what is nested in them, their error
    handlers, and all of that for the steps it is nested in. Steps on or behind a cycle get what is known.
    """
    masks = [0] * len(found.placements)
    for graph in found.graphs:  # An owner's graph comes before the graphs nested in it.
        outer = masks[graph.owner.number] if graph.owner else 0
        order = orders[id(graph)]
        for placement in [*order.ordered, *order.behind]:
            mask = outer
            for edge in order.incoming.get(placement.number, ()):
                mask |= masks[edge.before.number] | settled[edge.before.number]
                mask |= _handlers_before(edge, settled)
            masks[placement.number] = mask
    return masks


def _handlers_before(edge: Edge, settled: Sequence[int]) -> int:
    """Error handlers settle before those who wait for their owner; a handler's earlier siblings before itself."""
    mask = 0
    for handler in edge.before.step.error_handlers:
        other = edge.before.graph.ids.get(handler.handler)
        if other is edge.after:
            break
        if other is not None:
            mask |= settled[other.number]
    return mask


def _peel(members: Sequence[Placement], order: GraphOrder) -> list[Placement]:
    """Take steps that wait for nothing, again and again, in document order."""
    missing = {placement.number: len(order.incoming.get(placement.number, ())) for placement in members}
    peeled = [placement for placement in members if not missing[placement.number]]
    for placement in peeled:
        for edge in order.outgoing.get(placement.number, ()):
            missing[edge.after.number] -= 1
            if not missing[edge.after.number]:
                peeled.append(edge.after)
    return peeled


def _cycles(waiting: Sequence[Placement], incoming: dict[int, list[Edge]]) -> list[list[Edge]]:
    """Cycles that share no step: follow what each step waits for until a step comes again."""
    cycles: list[list[Edge]] = []
    left = {placement.number for placement in waiting}
    for start in waiting:
        if start.number in left and len(cycles) < _MAX_CYCLES:
            cycle = _cycle_before(start.number, left, incoming)
            left -= {edge.after.number for edge in cycle}
            cycles += [cycle] if cycle else []
    return cycles


def _cycle_before(number: int, left: set[int], incoming: dict[int, list[Edge]]) -> list[Edge]:
    """Walk back from a step to a cycle; steps that lead to none are taken out of `left` on the way."""
    path: list[Edge] = []
    seen: dict[int, int] = {}
    while number not in seen:
        edge = next((edge for edge in incoming.get(number, ()) if edge.before.number in left), None)
        if edge is not None:
            seen[number] = len(path)
            path.append(edge)
            number = edge.before.number
            continue
        left.discard(number)
        if not path:
            return []
        number = path.pop().after.number
        del seen[number]
    return path[seen[number] :][::-1]
