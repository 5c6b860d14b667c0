"""Turns a definition into a plan: every name and edge resolved, once per definition.

A plan is immutable and depends on the definition alone, so runs of one definition share it (`plan_of` caches by sha256).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advanced_workflow.workflows.definition.model.retries import RetryPolicy
from advanced_workflow.workflows.definition.model.roots import ORDINARY, roots_at
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph.scheduler import Graph, Node
from advanced_workflow.workflows.engine.graph.step_plan import GraphPlan, StepPlan, resolve_retries
from advanced_workflow.workflows.expressions import Template, compile_mapping


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole definition, ready to run."""

    workflow: AdvancedWorkflow
    sha256: str
    root: GraphPlan
    steps: Mapping[str, StepPlan]
    """Every step of the definition by id, nested ones included."""
    output: Template | None


_PLANS_KEPT = 256
_plans: dict[str, Plan] = {}


def plan_of(definition: Mapping[str, Any], sha256: str) -> Plan:
    """Give the plan of a definition (as data) that passed `check`; the same sha256 gives the same object."""
    plan = _plans.get(sha256)
    if plan is None:
        if len(_plans) >= _PLANS_KEPT:
            _plans.pop(next(iter(_plans)), None)
        plan = _plans[sha256] = _build(AdvancedWorkflow.model_validate(definition), sha256)
    return plan


def forget() -> None:
    """Drop the cached plans, as a new process would start."""
    _plans.clear()


def _build(workflow: AdvancedWorkflow, sha256: str) -> Plan:
    root = _plan_graph(workflow.steps, workflow.retry_policy, ())
    return Plan(
        workflow=workflow,
        sha256=sha256,
        root=root,
        steps={plan.step_id: plan for plan in _walk(root)},
        output=None if workflow.output is None else compile_mapping(workflow.output, ORDINARY),
    )


def _walk(graph: GraphPlan) -> Iterator[StepPlan]:
    for plan in graph.steps.values():
        yield plan
        if plan.children is not None:
            yield from _walk(plan.children)


def _plan_graph(
    steps: Sequence[WorkflowStep],
    defaults: RetryPolicy,
    containers: tuple[str, ...],
    roots: frozenset[str] = ORDINARY,
) -> GraphPlan:
    shape = graph_of(steps)
    return GraphPlan(
        steps={
            step.step_id: _plan_step(step, defaults, containers, shape[step.step_id].owners, roots) for step in steps
        },
        shape=shape,
        reversed=_turn_round(shape),
    )


def _plan_step(
    step: WorkflowStep,
    defaults: RetryPolicy,
    containers: tuple[str, ...],
    owners: tuple[str, ...],
    roots: frozenset[str],
) -> StepPlan:
    inner = roots | roots_at(in_for_each=step.for_each is not None, in_loop=step.step_type is StepType.LOOP)
    nested = step.body if step.step_type is StepType.LOOP else step.parallel_steps
    contains = step.step_type is StepType.PARALLEL or bool(step.body)
    return StepPlan(
        step=step,
        containers=containers,
        owners=owners,
        retries=resolve_retries(step.retry_policy, defaults),
        children=_plan_graph(nested, defaults, (*containers, step.step_id), inner) if contains else None,
        roots=roots,
    )


def graph_of(steps: Sequence[WorkflowStep]) -> Graph:
    """Build the scheduler's view: `dependencies`, `next_steps`, routes and error handlers become edges."""
    dependencies: dict[str, dict[str, None]] = {step.step_id: dict.fromkeys(step.dependencies) for step in steps}
    routes: dict[str, frozenset[str]] = {}
    owners: dict[str, list[str]] = {step.step_id: [] for step in steps}
    for step in steps:
        targets = [target for one in step.conditions for target in one.next_steps]
        routes[step.step_id] = frozenset(targets)
        for target in (*step.next_steps, *targets):
            dependencies[target].setdefault(step.step_id)
        for handler in step.error_handlers:
            owners[handler.handler].append(step.step_id)
    routed_by = Counter(target for targets in routes.values() for target in targets)
    dependents: dict[str, list[str]] = {step.step_id: [] for step in steps}
    for step_id, upstream in dependencies.items():
        for one in upstream:
            dependents[one].append(step_id)
    return {
        step.step_id: Node(
            step_id=step.step_id,
            index=index,
            dependencies=tuple(dependencies[step.step_id]),
            dependents=tuple(dependents[step.step_id]),
            routes=routes[step.step_id],
            routed_by=routed_by[step.step_id],
            handlers=tuple(dict.fromkeys(one.handler for one in step.error_handlers)),
            owners=tuple(dict.fromkeys(owners[step.step_id])),
            needed=_needed(step),
            asks=isinstance(step.join, str) and step.join not in ("all", "any"),
            cancel_rest=step.cancel_rest,
        )
        for index, step in enumerate(steps)
    }


def _needed(step: WorkflowStep) -> int | None:
    match step.join:
        case int() as count:
            return count
        case "any":
            return 1
        case _:
            return None


def _turn_round(shape: Graph) -> Graph:
    """Edges for undoing: a step is undone after everything that came after it.

    An error handler has no turn of its own: it is undone with each step it ran for, so that step waits for what came after
    the handler. (Handlers as nodes would make a cycle where two steps of a chain share one.)
    """
    after: dict[str, dict[str, None]] = {step_id: {} for step_id in shape}
    for step_id, node in shape.items():
        for one in (step_id, *node.handlers):
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


def handler_name(owner: StepPlan, handler: StepPlan) -> str:
    """A handler's name in paths: one of several steps has one for each, so that its effect happens once for each."""
    return f"{owner.step_id}!{handler.step_id}" if len(handler.owners) > 1 else handler.step_id
