"""What an operator says of a step: one that failed for good is held (`on_failure: pause`), and one that is skipped may be given an output."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import partial

from advanced_workflow.workflows.contract import Json, SkipReason
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.containers.tolerated import settle_skipped
from advanced_workflow.workflows.engine.monitoring.display import OPERATOR
from advanced_workflow.workflows.engine.people.remedies import Given, Remedy, choice_of, chooses
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure, StepSkipped
from advanced_workflow.workflows.engine.step.outputs import keep_output, require_fitting
from advanced_workflow.workflows.engine.step.settling import settle

_SAID = "skipped"
"""In the cursor: an operator goes on without the failed step; the output that is given, if one is."""


async def held_for_an_operator(step: StepContext, inner: RunStep) -> Done:
    """Run the step as often as an operator asks for it; a failure that nobody holds ends the run."""
    run, record = step.run, step.record
    remedy = _said_before(record) or Remedy(again=True)
    while True:
        try:
            return await _once(step, inner, remedy)
        except StepFailure:
            if step.may_fail:
                raise
            if run.plan.workflow.on_failure != "pause":
                run.continuation.begin_ending()
                raise
            remedy = await _hold(step)
        if not remedy.again:
            record.cursor[_SAID] = [] if remedy.given is None else [remedy.given.output]
        else:
            run.withdrawals.done(record.path)
            run.state.reset(record)
            record.retry_count += 1
            step.handled.clear()


async def _once(step: StepContext, inner: RunStep, remedy: Remedy) -> Done:
    """Run the step, or go on without it; an output that an operator gives counts as the step's own."""
    try:
        if remedy.again:
            return await inner(step)
        raise StepSkipped(SkipReason.BY_OPERATOR, remedy.given)
    except StepSkipped as skipped:
        step.record.routed = None
        if skipped.reason is SkipReason.BY_OPERATOR:
            await _settle_effects(step, stands=skipped.given is not None)
        if skipped.given is not None:
            _keep(step, skipped.given)
        raise


def _said_before(record: Record) -> Remedy | None:
    """What an operator said in an earlier history of a step that is skipped: its effects were being undone when that ended."""
    said: list[Json] | None = record.cursor.get(_SAID)
    return None if said is None else Remedy(again=False, given=Given(said[0]) if said else None)


async def _settle_effects(step: StepContext, *, stands: bool) -> None:
    with _failing(step):
        await settle_skipped(step, stands=stands)


def _keep(step: StepContext, given: Given) -> None:
    with _failing(step):
        keep_output(step, given.output)
        if chooses(step.plan):
            step.record.routed = choice_of(given.output)


@contextmanager
def _failing(step: StepContext) -> Generator[None, None, None]:
    """A failure inside the block is the step's own."""
    try:
        yield
    except StepFailure as failure:
        step.record.cursor.pop(_SAID, None)
        failure.error.step_id, failure.error.path = step.plan.step_id, step.path
        settle(step.run, step.record, StepStatus.FAILED, failure.error)
        raise


async def _hold(step: StepContext) -> Remedy:
    """Wait until an operator says what becomes of the step."""
    run, record = step.run, step.record
    record.waiting_for = "an operator: retry_step or skip_step"
    run.display.waits_for(record.path, (OPERATOR,))
    try:
        return await run.operations.hold(record.path, partial(require_fitting, step))
    finally:
        record.waiting_for = None
        run.display.waits_no_longer(record.path)
