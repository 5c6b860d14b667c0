"""`error_handlers`: steps that run only for another one's failure; when all complete, that step counts as recovered."""

from __future__ import annotations

import asyncio

from advanced_workflow.workflows.contract import ErrorInfo, Json
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.graph.plan import handler_name
from advanced_workflow.workflows.engine.graph.scheduler import Outcome, Settled
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan, handlers_for
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure
from advanced_workflow.workflows.engine.step.settling import settle
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled

_HANDLERS = "handlers"
"""In the cursor: the handlers that have begun for this failure."""


async def with_error_handlers(step: StepContext, inner: RunStep) -> Done:
    """Let the step's handlers recover it from its failure. A step that is cancelled meanwhile has no failure to recover from."""
    try:
        return await inner(step)
    except StepFailure as failure:
        _raise_if_cancelled(failure)
        recovered = await _run_handlers(step, failure.error)
        _raise_if_cancelled(failure)  # A handler that is withdrawn with its owner ends without raising.
        if not recovered:
            raise
        record = step.record
        record.recovered = True
        record.routed = frozenset()  # A conditional step that failed chose nobody.
        settle(step.run, record, StepStatus.COMPLETED, failure.error)
        return Done(record.output, record.routed)


async def _run_handlers(step: StepContext, error: ErrorInfo) -> bool:
    """Run the handlers for this error in their order, up to the first that does not complete. False if there is none."""
    entries = handlers_for(step.plan, error.type)
    for entry in entries:
        settled = step.handled[entry.handler] = await _run_handler(step, step.run.plan.steps[entry.handler])
        if settled.outcome is not Outcome.COMPLETED:
            return False
    return bool(entries)


async def _run_handler(owner: StepContext, handler: StepPlan) -> Settled:
    state, frame = owner.run.state, owner.frame
    key = handler_name(owner.plan, handler)
    record = state.open(key, handler, frame)
    begun: list[Json] = owner.record.cursor.get(_HANDLERS, [])
    if key not in begun:
        owner.record.cursor[_HANDLERS] = [*begun, key]
        state.reset(record)
    elif record.closed:  # It ended before the run continued as new.
        return Settled(Outcome(record.status.value), record.routed, record.skip_reason)
    settled = await owner.run.execute(handler, frame, key=key)
    if key != handler.step_id:
        latest = state.open(handler.step_id, handler, frame)
        state.mirror(record, latest)
        latest.closed = True
    return settled


def _raise_if_cancelled(failure: StepFailure) -> None:
    if is_being_cancelled():
        raise asyncio.CancelledError from failure
