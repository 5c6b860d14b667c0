"""Runs one step of a graph to its end: gate, conditions, the step itself, and what follows a failure."""

from __future__ import annotations

import asyncio
import logging

from temporalio import workflow

from advanced_workflow.workflows.contract import ErrorInfo, Json, SkipReason
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.around.cancel_on import run_until_cancelled
from advanced_workflow.workflows.engine.around.step_types import run_step_type
from advanced_workflow.workflows.engine.graph.plan import handler_name
from advanced_workflow.workflows.engine.graph.scheduler import Outcome, Settled
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan, handlers_for
from advanced_workflow.workflows.engine.monitoring.display import OPERATOR
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.step.context import RunContext, StepContext
from advanced_workflow.workflows.engine.step.failures import CANCELLED, StepFailure, StepSkipped
from advanced_workflow.workflows.engine.temporal.clock import timestamp
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled
from advanced_workflow.workflows.errors import DataInvalid


class Execution:
    """Runs steps for one run; `execute` is what containers call for their nested steps."""

    def __init__(self) -> None:
        """The run's services are set with `attach`, as they refer to each other."""
        self._run: RunContext | None = None

    def attach(self, run: RunContext) -> None:
        """Take the run's services."""
        self._run = run

    @property
    def run(self) -> RunContext:
        """The run's services."""
        if self._run is None:
            raise AssertionError("attach the run first")
        return self._run

    async def execute(self, plan: StepPlan, frame: Frame, *, contained: bool = True, key: str = "") -> Settled:
        """Run a step to its end; `key` is its name in the pass where that is not its id.

        A failure nothing recovers from is given as FAILED where the step is contained in another; at the root of the
        definition it raises `StepFailure`, which fails the run.
        """
        record = self.run.state.open(key or plan.step_id, plan, frame)
        step = StepContext(self.run, plan, record, frame)
        try:
            settled = await self._execute(step, contained=contained)
        except asyncio.CancelledError:
            reason = self.run.withdrawals.reason(record.path)
            if reason is None:
                raise
            settled = self.skip(record, reason)
        finally:
            self.run.withdrawals.done(record.path)
        record.closed = True
        return settled

    async def _execute(self, step: StepContext, *, contained: bool) -> Settled:
        run, record = self.run, step.record
        while True:
            if not run.operations.is_open and not record.resumed:
                await run.operations.gate()
            await run.budget.breathe()
            if record.path in run.operations.to_skip:
                return self.skip(record, SkipReason.BY_OPERATOR)
            try:
                _raise_again(record)
                return await self._attempt(step)
            except StepSkipped as skipped:
                return self.skip(record, skipped.reason)
            except StepFailure as failure:
                if is_being_cancelled():
                    raise asyncio.CancelledError from failure
                settled = await self._after_failure(step, failure, contained=contained)
            if settled is not None:
                return settled
            run.withdrawals.done(record.path)
            run.state.reset(record)
            record.retry_count += 1

    async def _attempt(self, step: StepContext) -> Settled:
        lock = step.plan.step.lock
        if lock is None:
            return await self._attempt_alone(step)
        if not step.run.locks.is_free(step.record, lock):
            step.wait(f"lock {lock.name!r}")
        async with step.run.locks.hold(step.record, lock):
            if step.path in step.run.operations.to_skip:
                return self.skip(step.record, SkipReason.BY_OPERATOR)
            if step.record.start_time is None:  # It only waited for the lock, and is now where one without is.
                self.run.state.change(step.record, StepStatus.PENDING)
                step.record.waiting_for, step.record.resumed = None, False
            return await self._attempt_alone(step)

    async def _attempt_alone(self, step: StepContext) -> Settled:
        record = step.record
        resumed, record.resumed = record.resumed, False
        record.start_time = record.start_time or timestamp()
        self.run.telemetry.step_started(record)
        try:
            if not resumed and not self._conditions_hold(step):
                return self.skip(record, SkipReason.CONDITION_FALSE)
            done = await run_until_cancelled(step, run_step_type)
            record.output, record.has_output, record.routed = done.output, True, done.routed
            self._assign_outputs(step)
        except StepFailure as failure:
            failure.error.step_id = record.plan.step_id
            failure.error.path = record.path
            record.cursor["run_code"] = failure.run_code
            self._settle(record, StepStatus.FAILED, failure.error)
            raise
        except asyncio.CancelledError:
            if record.status is not StepStatus.PENDING and self.run.withdrawals.reason(record.path) is None:
                message = f"step {record.path!r} was cancelled because the run is ending."
                error = ErrorInfo(type=CANCELLED, message=message, step_id=record.plan.step_id, path=record.path)
                self._settle(record, StepStatus.FAILED, error)
            raise
        self._settle(record, StepStatus.COMPLETED, None)
        return Settled(Outcome.COMPLETED, done.routed)

    def _conditions_hold(self, step: StepContext) -> bool:
        _require_join(step)
        if not step.plan.conditions:
            return True
        scope = step.scope()
        for number, condition in enumerate(step.plan.conditions):
            with step.reading(f"conditions[{number}]"):
                if not condition.holds(scope):
                    return False
        return True

    def _assign_outputs(self, step: StepContext) -> None:
        if step.plan.outputs is not None:
            with step.reading("output_mapping"):
                step.plan.outputs.apply(step.scope(result=step.record.output), self.run.state.variables)

    async def _after_failure(self, step: StepContext, failure: StepFailure, *, contained: bool) -> Settled | None:
        """What follows a failed step: its outcome, or None to run it again. Raises to fail the run."""
        plan, record = step.plan, step.record
        handled = await self._run_handlers(step, failure.error)
        if is_being_cancelled():  # A handler that is withdrawn with its owner ends without raising.
            raise asyncio.CancelledError from failure
        if handled and all(one.outcome is Outcome.COMPLETED for one in handled.values()):
            record.recovered = True
            record.routed = frozenset()  # A conditional step that failed chose nobody.
            self._settle(record, StepStatus.COMPLETED, failure.error)
            return Settled(Outcome.COMPLETED, record.routed, handled=handled)
        if plan.retries.continue_on_failure or contained:
            return Settled(Outcome.FAILED, handled=handled)
        if self.run.plan.workflow.on_failure == "pause":
            return await self._hold(record)
        self.run.continuation.begin_ending()
        raise failure

    async def _hold(self, record: Record) -> Settled | None:
        record.waiting_for = "an operator: retry_step or skip_step"
        self.run.display.waits_for(record.path, (OPERATOR,))
        try:
            remedy = await self.run.operations.hold(record.path)
        finally:
            record.waiting_for = None
            self.run.display.waits_no_longer(record.path)
        return None if remedy == "retry" else self.skip(record, SkipReason.BY_OPERATOR)

    async def _run_handlers(self, step: StepContext, error: ErrorInfo) -> dict[str, Settled]:
        """Run the step's error handlers for this error in their order, up to the first that does not complete."""
        ended: dict[str, Settled] = {}
        for entry in handlers_for(step.plan, error.type):
            ended[entry.handler] = await self._run_handler(step, self.run.plan.steps[entry.handler])
            if ended[entry.handler].outcome is not Outcome.COMPLETED:
                break
        return ended

    async def _run_handler(self, owner: StepContext, handler: StepPlan) -> Settled:
        state, frame = self.run.state, owner.frame
        key = handler_name(owner.plan, handler)
        record = state.open(key, handler, frame)
        begun: list[Json] = owner.record.cursor.get("handlers", [])
        if key not in begun:
            owner.record.cursor["handlers"] = [*begun, key]
            state.reset(record)
        elif record.closed:  # It ended before the run continued as new.
            return Settled(Outcome(record.status.value), record.routed, record.skip_reason)
        settled = await self.execute(handler, frame, key=key)
        if key != handler.step_id:
            latest = state.open(handler.step_id, handler, frame)
            state.mirror(record, latest)
            latest.closed = True
        return settled

    def skip(self, record: Record, reason: SkipReason) -> Settled:
        """Settle a step without running it."""
        record.end_time = timestamp()
        self.run.state.skip(record, reason)
        record.closed = True
        self.run.budget.settled()
        self.run.display.settled(record)
        self.run.telemetry.step_skipped(record)
        # A conditional step that was skipped has routed to nobody.
        record.routed = frozenset()
        return Settled(Outcome.SKIPPED, record.routed, reason)

    def _settle(self, record: Record, status: StepStatus, error: ErrorInfo | None) -> None:
        record.error = error
        record.end_time = timestamp()
        record.waiting_for = None
        self.run.state.change(record, status)
        self.run.budget.settled()
        self.run.display.settled(record)
        self.run.telemetry.step_ended(record)
        level = logging.WARNING if status is StepStatus.FAILED else logging.DEBUG
        workflow.logger.log(level, "step %s is %s", record.path, status.value, extra={"step": record.path})


def _raise_again(record: Record) -> None:
    """A step that had failed when the run continued as new goes on with what follows its failure."""
    if record.resumed and record.status is StepStatus.FAILED and record.error is not None:
        record.resumed = False
        raise StepFailure(record.error, run_code=record.cursor.get("run_code", ""))


def _require_join(step: StepContext) -> None:
    """A join whose expression fails let the step start; here it fails with the reason."""
    if step.plan.join is not None:
        with step.reading("join"):
            value: Json = step.plan.join.evaluate(step.scope())
            if not isinstance(value, bool | int | float):
                raise DataInvalid("the expression must give a number, or a bool that says whether to start.")
