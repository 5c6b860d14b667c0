"""Turns a definition into a plan: every name resolved, every expression compiled, once per definition.

A plan is immutable and depends on the definition alone, so runs of one definition share it (`plan_of` caches by sha256).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workflows.definition.models import AdvancedWorkflow, StepType, WorkflowStep
from workflows.definition.policies import BackoffStrategy, ErrorHandler, RetryPolicy
from workflows.engine.scheduler import Graph, Node
from workflows.expressions import (
    EVENT,
    ORDINARY,
    RESULT,
    CompiledCondition,
    Expression,
    OutputMapping,
    Template,
    compile_condition,
    compile_expression,
    compile_mapping,
    compile_targets,
)


@dataclass(frozen=True, slots=True)
class Retries:
    """A step's retry policy with every default filled in (seconds)."""

    max_attempts: int
    strategy: BackoffStrategy
    delay: float
    multiplier: float
    max_delay: float
    jitter: float
    non_retryable: tuple[str, ...]
    continue_on_failure: bool
    success_threshold: float


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One route of a conditional step; without a condition it is the default."""

    condition: CompiledCondition | None
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One step, ready to run."""

    step: WorkflowStep
    containers: tuple[str, ...]
    owners: tuple[str, ...]
    """Steps whose failure this one handles."""
    retries: Retries
    conditions: tuple[CompiledCondition, ...] = ()
    routes: tuple[RoutePlan, ...] = ()
    input: Template | None = None
    outputs: OutputMapping | None = None
    undo_input: Template | None = None
    subject: Template | None = None
    approvers: tuple[str | Expression, ...] = ()
    wait_value: Expression | float | None = None
    event_match: Expression | None = None
    children: GraphPlan | None = None

    @property
    def step_id(self) -> str:
        """The step's id."""
        return self.step.step_id


@dataclass(frozen=True, slots=True)
class GraphPlan:
    """The steps of one graph and the edges between them."""

    steps: Mapping[str, StepPlan]
    shape: Graph
    reversed: Graph
    """The same edges turned round, for undoing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole definition, ready to run."""

    workflow: AdvancedWorkflow
    sha256: str
    root: GraphPlan
    steps: Mapping[str, StepPlan]
    """Every step of the definition by id, nested ones included."""
    output: Template | None

    @property
    def total_steps(self) -> int:
        """How many steps the definition has, nested ones included."""
        return len(self.steps)


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


def _plan_graph(steps: Sequence[WorkflowStep], defaults: RetryPolicy, containers: tuple[str, ...]) -> GraphPlan:
    shape = graph_of(steps)
    return GraphPlan(
        steps={step.step_id: _plan_step(step, defaults, containers, shape[step.step_id].owners) for step in steps},
        shape=shape,
        reversed=_turn_round(shape),
    )


def _plan_step(
    step: WorkflowStep, defaults: RetryPolicy, containers: tuple[str, ...], owners: tuple[str, ...]
) -> StepPlan:
    conditional = step.step_type is StepType.CONDITIONAL
    return StepPlan(
        step=step,
        containers=containers,
        owners=owners,
        retries=resolve_retries(step.retry_policy, defaults),
        conditions=() if conditional else tuple(compile_condition(one, ORDINARY) for one in step.conditions),
        routes=_routes(step) if conditional else (),
        input=compile_mapping(step.input_mapping, ORDINARY) if step.input_mapping else None,
        outputs=compile_targets(step.output_mapping, ORDINARY | RESULT) if step.output_mapping else None,
        undo_input=compile_mapping(step.rollback_mapping, ORDINARY | RESULT) if step.rollback_mapping else None,
        subject=compile_mapping(step.approval.subject, ORDINARY) if step.approval else None,
        approvers=_approvers(step),
        wait_value=_wait_value(step),
        event_match=compile_expression(step.wait.match, ORDINARY | EVENT) if step.wait and step.wait.match else None,
        children=_plan_graph(step.parallel_steps, defaults, (*containers, step.step_id))
        if step.step_type is StepType.PARALLEL
        else None,
    )


def _routes(step: WorkflowStep) -> tuple[RoutePlan, ...]:
    return tuple(
        RoutePlan(None if one.default else compile_condition(one, ORDINARY), one.next_steps) for one in step.conditions
    )


def _approvers(step: WorkflowStep) -> tuple[str | Expression, ...]:
    if step.approval is None:
        return ()
    return tuple(
        one if isinstance(one, str) else compile_expression(one.expression, ORDINARY) for one in step.approval.approvers
    )


def _wait_value(step: WorkflowStep) -> Expression | float | None:
    if step.wait is None:
        return None
    value = step.wait.until if step.wait.until is not None else step.wait.seconds
    return compile_expression(value, ORDINARY) if isinstance(value, str) else value


def resolve_retries(own: RetryPolicy, defaults: RetryPolicy) -> Retries:
    """Fill a policy field by field: the step's, else the workflow's, else the documented default."""

    def pick(name: str, fallback: Any) -> Any:  # noqa: ANN401 - one helper for fields of several types
        own_value = getattr(own, name)
        default = getattr(defaults, name)
        return own_value if own_value is not None else default if default is not None else fallback

    return Retries(
        max_attempts=pick("max_attempts", 3),
        strategy=pick("backoff_strategy", BackoffStrategy.EXPONENTIAL),
        delay=pick("delay", 1.0),
        multiplier=pick("backoff_multiplier", 2.0),
        max_delay=pick("max_delay", 60.0),
        jitter=pick("jitter", 0.0),
        non_retryable=pick("non_retryable", ()),
        continue_on_failure=pick("continue_on_failure", fallback=False),
        success_threshold=pick("parallel_failure_threshold", 0.5),
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
        )
        for index, step in enumerate(steps)
    }


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


def handlers_for(plan: StepPlan, error_type: str) -> tuple[ErrorHandler, ...]:
    """The step's error handlers that are for this type of error, in their order."""
    return tuple(one for one in plan.step.error_handlers if not one.on or error_type in one.on)


def handler_prefix(owner: StepPlan, handler: StepPlan, prefix: str) -> str:
    """Prefix of a handler's path: one of several steps has a path for each, so that its effect happens once for each."""
    return f"{prefix}{owner.step_id}!" if len(handler.owners) > 1 else prefix
