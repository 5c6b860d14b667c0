"""Rules about ids and edges: each id once, every name known and in the same graph, no cycles, no dead ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set

from advanced_workflow.workflows.definition.check.rules.routes import NEVER, dead_route_problems, dead_routes
from advanced_workflow.workflows.definition.graph.order import GraphOrder
from advanced_workflow.workflows.definition.graph.outline import (
    MAX_DEPTH,
    MAX_STEPS,
    Edge,
    Graph,
    Outline,
    Placement,
    StepReference,
)
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import listed, nearest, problem, shorten, warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.text.source_tree import MAX_BYTES
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def limit_problems(workflow: AdvancedWorkflow, found: Outline) -> Iterator[Problem]:
    """No steps, too many, or too deep."""
    if not workflow.steps:
        yield problem(Code.EMPTY_WORKFLOW, ("steps",), "the workflow has no steps.", "Add a step.")
    if found.truncated:
        yield problem(
            Code.TOO_MANY_STEPS,
            ("steps",),
            f"there are more than {MAX_STEPS:,} steps; those after that are not checked.",
            "Split the workflow, or use 'for_each'.",
        )
    for loc in found.too_deep:
        yield problem(Code.TOO_DEEP, loc, f"steps nest deeper than {MAX_DEPTH} levels.", "Flatten them.")
    if not (found.too_deep or found.truncated):
        yield from _size_problems(workflow)


def _size_problems(workflow: AdvancedWorkflow) -> Iterator[Problem]:
    """The size of the definition as it is recorded in histories; objects made in Python meet this limit only here."""
    try:
        size = len(workflow.model_dump_json(exclude_defaults=True).encode())
    except ValueError as error:
        message = f"the definition cannot be written as JSON: {shorten(ascii(str(error)))}."
        yield problem(Code.WRONG_VALUE, (), message, "Use plain JSON values that nest less.")
        return
    if size > MAX_BYTES:
        yield problem(Code.TOO_LARGE, (), f"the definition has {size:,} bytes; 1 MB is allowed.", "Make it smaller.")


def id_problems(found: Outline) -> Iterator[Problem]:
    """Two steps with one id, wherever they are."""
    for placement in found.placements:
        first = found.by_id[placement.step.step_id]
        if first is not placement:
            message = f"the step_id {placement.step.step_id!r} is also that of a step {_where(first)}."
            yield problem(Code.DUPLICATE_ID, (*placement.loc, "step_id"), message, "Give one of them another id.")


def reference_problems(found: Outline, also_known: frozenset[str]) -> Iterator[Problem]:
    """Names of steps that do not exist or are in another graph. `also_known` are ids of steps that could not be read."""
    known = list(found.by_id)
    for placement in found.placements:
        for reference in placement.references:
            if reference.step_id in placement.graph.ids or reference.step_id in also_known - found.by_id.keys():
                continue
            other = found.by_id.get(reference.step_id)
            yield _other_graph(reference, other) if other else _unknown(reference, known)


def order_problems(orders: Mapping[int, GraphOrder]) -> Iterator[Problem]:
    """Cycles, and steps that wait for one."""
    for order in orders.values():
        for cycle in order.cycles:
            yield _cycle(cycle)
        for placement in order.behind:
            message = f"step {placement.step.step_id!r} never starts: what it waits for is in or behind a cycle."
            yield problem(Code.UNREACHABLE_STEP, placement.loc, message, "Break the cycle.")


def dead_end_problems(orders: Mapping[int, GraphOrder]) -> Iterator[Problem]:
    """Steps that never run and routes that are never taken, as far as constants show."""
    for order in orders.values():
        never: set[int] = set()
        dead = {one.number: dead_routes(one.step) for one in order.ordered}
        for placement in order.ordered:
            incoming = order.incoming.get(placement.number, ())
            opened = {edge.before.number for edge in incoming if not (_is_dead(edge, dead) or _fails(edge))} - never
            if why := _why_never(placement, {edge.before.number for edge in incoming}, opened, never):
                never.add(placement.number)
                message = f"step {placement.step.step_id!r} never runs: {why[0]}."
                yield warning(Code.UNREACHABLE_STEP, placement.loc, message, why[1])
        for placement in order.ordered:
            yield from dead_route_problems(placement)


def _why_never(placement: Placement, before: Set[int], opened: Set[int], never: Set[int]) -> tuple[str, str] | None:
    """Why a step cannot run, and what to do. `before` are the steps with edges to it, `opened` those whose edge may be taken."""
    join, fix = placement.step.join, "Remove it, or change what it depends on."
    if before and before <= never:
        return "all it depends on is always skipped", fix
    if before and not opened:
        return "no edge that leads to it is ever taken", fix
    if isinstance(join, int) and len(opened) < join <= len(before):
        return f"its join needs {join} edges, and only {len(opened)} may be taken", fix
    if _is_always_skipped(placement):
        return "one of its conditions is 'false'", "Remove it, or change the condition."
    return None


def _is_dead(edge: Edge, dead: Mapping[int, Mapping[int, str]]) -> bool:
    """Whether an edge is a route that is never taken."""
    return edge.kind == "route" and edge.loc[len(edge.before.loc) + 1] in dead[edge.before.number]


def _fails(edge: Edge) -> bool:
    """Whether an edge starts at a step that never completes: one that raises, and that nothing recovers."""
    return edge.kind != "handler" and edge.before.step.error is not None and not edge.before.step.error_handlers


def handler_problems(found: Outline, orders: Mapping[int, GraphOrder]) -> Iterator[Problem]:
    """An error handler runs only for its owners: it waits for nothing else, and has no error handlers of its own."""
    for graph in found.graphs:
        incoming = orders[id(graph)].incoming
        for handler in _handlers(graph):
            name = handler.step.step_id
            for edge in incoming.get(handler.number, ()):
                if edge.kind != "handler":
                    message = f"step {name!r} is an error handler, so it cannot also wait for a step or be routed to."
                    yield problem(Code.ERROR_HANDLER, edge.loc, message, "Remove the edge, or use another step.")
            if handler.step.error_handlers:
                message = f"step {name!r} is an error handler and has error handlers itself."
                yield problem(
                    Code.ERROR_HANDLER, (*handler.loc, "error_handlers"), message, "Put them all on the first step."
                )


def rollback_to_problems(found: Outline, upstream: list[int]) -> Iterator[Problem]:
    """A rollback step goes back to a step that is settled before it."""
    for placement in found.placements:
        target = placement.graph.ids.get(placement.step.rollback_to or "")
        if target is not None and not upstream[placement.number] >> target.number & 1:
            message = f"step {target.step.step_id!r} is not upstream of {placement.step.step_id!r}."
            yield problem(Code.NOT_UPSTREAM, (*placement.loc, "rollback_to"), message, "Name a step it depends on.")


def _handlers(graph: Graph) -> list[Placement]:
    names = {handler.handler: None for member in graph.members for handler in member.step.error_handlers}
    return [graph.ids[name] for name in names if name in graph.ids]


def _where(placement: Placement) -> str:
    owner = placement.graph.owner
    return f"inside of {owner.step.step_id!r}" if owner else "at the top level"


def _unknown(reference: StepReference, known: list[str]) -> Problem:
    fix = nearest(reference.step_id, known) or f"The steps are: {listed(known)}."
    return problem(Code.UNKNOWN_STEP, reference.loc, f"there is no step {reference.step_id!r}.", fix)


def _other_graph(reference: StepReference, other: Placement) -> Problem:
    message = f"step {reference.step_id!r} is {_where(other)}, not in the same list as this step."
    return problem(
        Code.OTHER_GRAPH, reference.loc, message, "Name a step of the same list, or the step that contains it."
    )


def _cycle(cycle: list[Edge]) -> Problem:
    names = [cycle[0].before.step.step_id, *(edge.after.step.step_id for edge in cycle)]
    if len(cycle) == 1:
        return problem(Code.CYCLE, cycle[0].loc, f"step {names[0]!r} waits for itself.", "Remove the edge.")
    shown = " -> ".join(names if len(names) <= 12 else [*names[:6], "...", *names[-5:]])
    return problem(Code.CYCLE, cycle[-1].loc, f"the steps wait for each other: {shown}.", "Remove one of the edges.")


def _is_always_skipped(placement: Placement) -> bool:
    if placement.step.step_type is StepType.CONDITIONAL:
        return False
    return any((condition.expression or "").strip() == NEVER for condition in placement.step.conditions)
