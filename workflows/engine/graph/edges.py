"""The edges between the steps of one graph, as the scheduler follows them: forward, and turned round for undoing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.engine.graph.scheduler import Graph, Node


def graph_of(steps: Sequence[WorkflowStep]) -> Graph:
    """Build the scheduler's view: `dependencies`, `next_steps`, routes and error handlers become edges."""
    dependencies = {step.step_id: dict.fromkeys(step.dependencies) for step in steps}
    routes = {step.step_id: _routes(step) for step in steps if step.conditions}
    owners: dict[str, dict[str, None]] = {}
    for step in steps:
        for target in (*step.next_steps, *routes.get(step.step_id, ())):
            dependencies[target].setdefault(step.step_id)
        for handler in step.error_handlers:
            owners.setdefault(handler.handler, {})[step.step_id] = None
    routed_by = Counter(target for targets in routes.values() for target in set(targets))
    dependents: dict[str, list[str]] = {}
    for step_id, upstream in dependencies.items():
        for one in upstream:
            dependents.setdefault(one, []).append(step_id)
    return {
        step.step_id: Node(
            step_id=step.step_id,
            index=index,
            dependencies=tuple(dependencies[step.step_id]),
            dependents=tuple(dependents.get(step.step_id, ())),
            routes=frozenset(routes.get(step.step_id, ())),
            routed_by=routed_by[step.step_id],
            handlers=_handlers(step),
            owners=tuple(owners.get(step.step_id, ())),
            needed=_needed(step),
            asks=isinstance(step.join, str) and step.join not in ("all", "any"),
            cancel_rest=step.cancel_rest,
        )
        for index, step in enumerate(steps)
    }


def _routes(step: WorkflowStep) -> tuple[str, ...]:
    return tuple(target for one in step.conditions for target in one.next_steps)


def _handlers(step: WorkflowStep) -> tuple[str, ...]:
    return tuple(dict.fromkeys(one.handler for one in step.error_handlers)) if step.error_handlers else ()


def _needed(step: WorkflowStep) -> int | None:
    match step.join:
        case int() as count:
            return count
        case "any":
            return 1
        case _:
            return None


def turned_round(shape: Graph) -> Graph:
    """Give the edges for undoing: a step is undone after everything that came after it.

    An error handler has no turn of its own: it is undone with each step it ran for, so that step waits for what came after
    the handler. (Handlers as nodes would make a cycle where two steps of a chain share one.)
    """
    after = {step_id: dict.fromkeys(node.dependents) for step_id, node in shape.items()}
    for step_id, node in shape.items():
        for one in node.handlers:
            after[step_id].update(dict.fromkeys(shape[one].dependents))
    before: dict[str, list[str]] = {step_id: [] for step_id in shape}
    for step_id, later in after.items():
        for one in later:
            before[one].append(step_id)
    count = len(shape)
    return {
        step_id: Node(step_id, count - node.index, tuple(after[step_id]), tuple(before[step_id]))
        for step_id, node in reversed(list(shape.items()))
    }
