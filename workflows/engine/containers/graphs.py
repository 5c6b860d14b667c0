"""Runs a graph in one pass: from its beginning, or from where it stood when the run continued as new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from advanced_workflow.workflows.contract import SkipReason
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.containers.nested import can_fail_its_pass
from advanced_workflow.workflows.engine.graph.driver import GraphDriver
from advanced_workflow.workflows.engine.graph.plan import handler_name
from advanced_workflow.workflows.engine.graph.scheduler import Outcome, Scheduler, Settled
from advanced_workflow.workflows.engine.graph.step_plan import GraphPlan, StepPlan
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.state.scope import own_entry, scope_of
from advanced_workflow.workflows.engine.state.slots import Slots
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.step.settling import skip
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.quiet import is_gone, quiet
from advanced_workflow.workflows.errors import WorkflowError

_OUTCOMES = {
    StepStatus.COMPLETED: Outcome.COMPLETED,
    StepStatus.FAILED: Outcome.FAILED,
    StepStatus.SKIPPED: Outcome.SKIPPED,
}


async def run_graph(
    run: RunContext,
    graph: GraphPlan,
    frame: Frame,
    *,
    contained: bool = True,
    slots: Slots | None = None,
    on_settled: Callable[[], None] | None = None,
    is_lost: IsLost | None = None,
) -> None:
    """Run until every step is settled. `slots` bound how many run at a time; `on_settled` is called after each.

    With `contained` a failure nothing recovers from settles its step and the graph continues; otherwise it raises `StepFailure`.
    Once `is_lost` says so no step starts any more, and those that run are cancelled and awaited; they count as not needed.
    """
    known = known_in(run, graph, frame)
    execute = _Bounded(run, graph, frame, slots, known).execute if slots is not None else run.execute

    watch = _Watch(run, graph, frame, is_lost, known)

    async def run_step(step_id: str) -> Settled:
        settled = await execute(graph.steps[step_id], frame, contained=contained)
        watch.note(step_id, settled)
        if on_settled is not None:
            on_settled()
        return settled

    def note_skip(step_id: str, reason: SkipReason) -> None:
        _skip(run, graph, frame, step_id, reason)

    withdrawn: list[StepPath] = []

    def withdraw(step_id: str) -> None:
        plan = graph.steps[step_id]
        handlers = (handler_name(plan, graph.steps[one]) for one in graph.shape[step_id].handlers)
        for name in (step_id, *handlers):
            withdrawn.append(frame.path(name))
            run.withdrawals.withdraw(frame.path(name), SkipReason.NOT_NEEDED)

    has_begun = partial(_is_resumed, run, frame)

    def ask(step_id: str, completed: int) -> bool:
        # The join of a step that has begun held in an earlier history.
        return has_begun(step_id) or join_holds(run, graph, frame, step_id, completed)

    driver = GraphDriver(
        graph.shape,
        run_step,
        starts=run.budget,
        on_skip=note_skip,
        on_withdraw=withdraw,
        ask=ask,
        has_begun=has_begun,
        routes_rule=_old_rule_of_routes,
        is_lost=watch.is_lost,
        taken_up=quiet,
    )
    try:
        await driver.drive(known)
    finally:
        # Where nothing was withdrawn, the run ends, and they stay pending.
        _skip_withdrawn(run, graph, frame, () if is_gone() else driver.scheduler.unsettled())
        for path in withdrawn:  # Error handlers among them may not have begun.
            run.withdrawals.done(path)
        watch.end()


@dataclass(frozen=True, slots=True)
class Standing:
    """How the steps of a pass have ended so far."""

    completed: int
    failed: int
    left: int
    """Steps that are not settled."""
    broken: bool
    """Whether a step failed with which a round or copy fails."""


IsLost = Callable[[Standing], bool]
"""Whether a pass has failed, however its other steps end."""


class _Watch:
    """Sees when a pass is lost."""

    def __init__(
        self, run: RunContext, graph: GraphPlan, frame: Frame, is_lost: IsLost | None, known: Mapping[str, Settled]
    ) -> None:
        self._run = run
        self._graph = graph
        self._place = StepPath(frame.prefix.removesuffix("."))
        self._rule = is_lost
        self._broken = False
        self._lost = False
        for step_id, settled in known.items():
            self.note(step_id, settled)

    def note(self, step_id: str, settled: Settled) -> None:
        if settled.outcome is Outcome.FAILED and can_fail_its_pass(self._graph.steps[step_id]):
            self._broken = True

    def is_lost(self, scheduler: Scheduler) -> bool:
        """Whether it is; from that moment on, nothing that waits inside begins."""
        if self._rule is None or self._lost:
            return self._lost
        ended = scheduler.ended
        standing = Standing(ended[Outcome.COMPLETED], ended[Outcome.FAILED], scheduler.remaining, self._broken)
        if not self._rule(standing) or not patched(Patch.RULES_2):
            return False
        self._lost = True
        self._run.withdrawals.empty(self._place, SkipReason.NOT_NEEDED)
        return True

    def end(self) -> None:
        """Nothing of it runs any more."""
        if self._lost:
            self._run.withdrawals.emptied(self._place)


def _old_rule_of_routes() -> bool:
    return not patched(Patch.RULES_2)


def _is_resumed(run: RunContext, frame: Frame, step_id: str) -> bool:
    record = run.state.records.get(frame.prefix + step_id)
    return record is not None and record.resumed


def _skip(run: RunContext, graph: GraphPlan, frame: Frame, step_id: str, reason: SkipReason) -> None:
    record = run.state.open(step_id, graph.steps[step_id], frame)
    if not record.closed:
        skip(run, record, reason)


def _skip_withdrawn(run: RunContext, graph: GraphPlan, frame: Frame, step_ids: Iterable[str]) -> None:
    """Steps that never began because what is around them is no longer needed say so."""
    for step_id in step_ids:
        reason = run.withdrawals.reason(frame.path(step_id))
        if reason is not None:
            blocked = _is_blocked(run, graph, frame, step_id)
            _skip(run, graph, frame, step_id, SkipReason.DEPENDENCY_FAILED if blocked else reason)


def _is_blocked(run: RunContext, graph: GraphPlan, frame: Frame, step_id: str) -> bool:
    """Whether a failure before it would have kept a step from running anyway."""
    node = graph.shape[step_id]
    if node.needed is not None or node.asks:
        return False
    before = (run.state.records.get(frame.prefix + one) for one in node.dependencies)
    return any(
        one is not None
        and one.closed
        and (one.status is StepStatus.FAILED or one.skip_reason is SkipReason.DEPENDENCY_FAILED)
        for one in before
    )


def known_in(run: RunContext, graph: GraphPlan, frame: Frame) -> dict[str, Settled]:
    """The steps that settled before; error handlers settle with their owners."""
    known: dict[str, Settled] = {}
    for step_id, plan in graph.steps.items():
        record = run.state.records.get(frame.prefix + step_id)
        if record is not None and record.closed and not plan.owners:
            handlers = _handled(run, graph, frame, step_id)
            known[step_id] = Settled(_OUTCOMES[record.status], record.routed, record.skip_reason, handled=handlers)
    return known


def join_holds(run: RunContext, graph: GraphPlan, frame: Frame, step_id: str, completed: int) -> bool:
    """Whether a step whose join is an expression starts now; one that cannot be evaluated starts, and fails with the reason."""
    join = graph.steps[step_id].join
    if join is None:
        return False
    try:
        path = frame.path(step_id)
        own = own_entry(path, run.idempotency_key(path))
        value: object = join.evaluate(scope_of(run.state, frame, step=own))
    except WorkflowError:
        return True
    if isinstance(value, bool):
        return value
    return not isinstance(value, int | float) or completed >= value


def _handled(run: RunContext, graph: GraphPlan, frame: Frame, step_id: str) -> Mapping[str, Settled]:
    """How the error handlers ended that ran for a step."""
    ended: dict[str, Settled] = {}
    for handler in graph.shape[step_id].handlers:
        name = handler_name(graph.steps[step_id], graph.steps[handler])
        record = run.state.records.get(frame.prefix + name)
        if record is not None and record.closed and record.status is not StepStatus.SKIPPED:
            ended[handler] = Settled(_OUTCOMES[record.status], record.routed, record.skip_reason)
    return ended


class _Bounded:
    """Runs a limited number of a graph's steps at a time; those that had begun when the run continued as new keep their slots."""

    def __init__(
        self, run: RunContext, graph: GraphPlan, frame: Frame, slots: Slots, known: Mapping[str, Settled]
    ) -> None:
        self._run = run
        self._slots = slots
        records = [run.state.records.get(frame.prefix + step_id) for step_id in graph.steps if step_id not in known]
        self._under_way = {record.plan.step_id for record in records if record is not None and record.resumed}
        for _ in self._under_way:
            slots.reserve()

    async def execute(self, plan: StepPlan, frame: Frame, *, contained: bool = True) -> Settled:
        try:
            async with self._slots.hold(reserved=plan.step_id in self._under_way):
                return await self._run.execute(plan, frame, contained=contained)
        except asyncio.CancelledError:
            path = frame.path(plan.step_id)
            reason = self._run.withdrawals.reason(path)
            if reason is None:
                raise
            self._run.withdrawals.done(path)
            return skip(self._run, self._run.state.open(plan.step_id, plan, frame), reason)
