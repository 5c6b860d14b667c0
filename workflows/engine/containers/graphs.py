"""Runs a graph in one pass: from its beginning, or from where it stood when the run continued as new."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from advanced_workflow.workflows.contract import SkipReason
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.graph.driver import GraphDriver
from advanced_workflow.workflows.engine.graph.plan import handler_name
from advanced_workflow.workflows.engine.graph.scheduler import Outcome, Settled
from advanced_workflow.workflows.engine.graph.step_plan import GraphPlan, StepPlan
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.state.scope import scope_of
from advanced_workflow.workflows.engine.state.slots import Slots
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.step.settling import skip
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
) -> None:
    """Run until every step is settled. `slots` bound how many run at a time; `on_settled` is called after each.

    With `contained` a failure nothing recovers from settles its step and the graph continues; otherwise it raises `StepFailure`.
    """
    known = known_in(run, graph, frame)
    execute = _Bounded(run, graph, frame, slots, known).execute if slots is not None else run.execute

    async def run_step(step_id: str) -> Settled:
        settled = await execute(graph.steps[step_id], frame, contained=contained)
        if on_settled is not None:
            on_settled()
        return settled

    def note_skip(step_id: str, reason: SkipReason) -> None:
        _skip(run, graph, frame, step_id, reason)

    def withdraw(step_id: str) -> None:
        plan = graph.steps[step_id]
        handlers = (handler_name(plan, graph.steps[one]) for one in graph.shape[step_id].handlers)
        for name in (step_id, *handlers):
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
    )
    try:
        await driver.drive(known)
    except asyncio.CancelledError:
        _skip_withdrawn(run, graph, frame, driver.scheduler.unsettled())
        raise


def _is_resumed(run: RunContext, frame: Frame, step_id: str) -> bool:
    record = run.state.records.get(frame.prefix + step_id)
    return record is not None and record.resumed


def _skip(run: RunContext, graph: GraphPlan, frame: Frame, step_id: str, reason: SkipReason) -> None:
    record = run.state.open(step_id, graph.steps[step_id], frame)
    if not record.closed:
        skip(run, record, reason)


def _skip_withdrawn(run: RunContext, graph: GraphPlan, frame: Frame, step_ids: Iterable[str]) -> None:
    """Steps that never began because what is around them is no longer needed say so; a run that ends leaves them pending."""
    for step_id in step_ids:
        reason = run.withdrawals.reason(frame.path(step_id))
        if reason is not None:
            _skip(run, graph, frame, step_id, reason)


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
        value: object = join.evaluate(scope_of(run.state, frame))
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
