"""Runs one step of a graph to its end: gate, conditions, the step itself, and what follows a failure."""

from __future__ import annotations

import asyncio
import logging
from typing import assert_never

from temporalio import workflow

from workflows.contract import ErrorInfo, SkipReason
from workflows.definition.models import StepStatus, StepType
from workflows.engine.calls import is_being_cancelled
from workflows.engine.clock import timestamp
from workflows.engine.context import Done, RunContext, StepContext
from workflows.engine.display import OPERATOR
from workflows.engine.failures import CANCELLED, StepFailure, StepSkippedByOperator
from workflows.engine.plan import handler_prefix
from workflows.engine.scheduler import Outcome, Settled
from workflows.engine.state import Record
from workflows.engine.step_plan import StepPlan, handlers_for
from workflows.engine.steps.action import run_action
from workflows.engine.steps.conditional import run_conditional
from workflows.engine.steps.human_approval import run_human_approval
from workflows.engine.steps.parallel import run_parallel
from workflows.engine.steps.rollback import run_rollback
from workflows.engine.steps.wait import run_wait
from workflows.errors import NotSupportedYet


async def run_step_type(step: StepContext) -> Done:
    """Run the step as its type says. Raises `StepFailure`."""
    kind = step.plan.step.step_type
    match kind:
        case StepType.SEQUENTIAL | StepType.WORKER:
            return await run_action(step)
        case StepType.PARALLEL:
            return await run_parallel(step)
        case StepType.CONDITIONAL:
            return await run_conditional(step)
        case StepType.HUMAN_APPROVAL:
            return await run_human_approval(step)
        case StepType.WAIT:
            return await run_wait(step)
        case StepType.ROLLBACK:
            return await run_rollback(step)
        case StepType.LOOP | StepType.REACT | StepType.ORCHESTRATOR | StepType.WEBHOOK | StepType.SUB_WORKFLOW:
            raise NotSupportedYet(f"step {step.path!r}: step type {kind.value!r} is not supported yet.")
        case _:
            assert_never(kind)


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

    async def execute(self, plan: StepPlan, prefix: str, *, contained: bool = True) -> Settled:
        """Run a step to its end.

        A failure nothing recovers from is given as FAILED where the step is contained in another; at the root of the
        definition it raises `StepFailure`, which fails the run.
        """
        run = self.run
        record = run.state.open(prefix + plan.step_id, plan)
        while True:
            if not run.operations.is_open:
                await run.operations.gate()
            if record.path in run.operations.to_skip:
                return self.skip(record, SkipReason.BY_OPERATOR)
            try:
                return await self._attempt(StepContext(run, plan, record))
            except StepSkippedByOperator:
                return self.skip(record, SkipReason.BY_OPERATOR)
            except StepFailure as failure:
                if is_being_cancelled():
                    raise asyncio.CancelledError from failure
                settled = await self._after_failure(record, failure, prefix, contained=contained)
            if settled is not None:
                return settled
            record.retry_count += 1
            run.state.reset(record)

    async def _attempt(self, step: StepContext) -> Settled:
        record = step.record
        record.start_time = timestamp()
        self.run.telemetry.step_started(record)
        try:
            if not self._conditions_hold(step):
                return self.skip(record, SkipReason.CONDITION_FALSE)
            done = await run_step_type(step)
            record.output, record.has_output, record.routed = done.output, True, done.routed
            self._assign_outputs(step)
        except StepFailure as failure:
            failure.error.step_id = record.plan.step_id
            failure.error.path = record.path
            self._settle(record, StepStatus.FAILED, failure.error)
            raise
        except asyncio.CancelledError:
            if record.status is not StepStatus.PENDING:
                message = f"step {record.path!r} was cancelled because the run is ending."
                error = ErrorInfo(type=CANCELLED, message=message, step_id=record.plan.step_id, path=record.path)
                self._settle(record, StepStatus.FAILED, error)
            raise
        self._settle(record, StepStatus.COMPLETED, None)
        return Settled(Outcome.COMPLETED, done.routed)

    def _conditions_hold(self, step: StepContext) -> bool:
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

    async def _after_failure(
        self, record: Record, failure: StepFailure, prefix: str, *, contained: bool
    ) -> Settled | None:
        """What follows a failed step: its outcome, or None to run it again. Raises to fail the run."""
        plan = record.plan
        handled = await self._run_handlers(plan, failure.error, prefix)
        if handled and all(one.outcome is Outcome.COMPLETED for one in handled.values()):
            record.recovered = True
            record.routed = frozenset()  # A conditional step that failed chose nobody.
            self._settle(record, StepStatus.COMPLETED, failure.error)
            return Settled(Outcome.COMPLETED, record.routed, handled=handled)
        if plan.retries.continue_on_failure or contained:
            return Settled(Outcome.FAILED, handled=handled)
        if self.run.plan.workflow.on_failure == "pause":
            return await self._hold(record)
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

    async def _run_handlers(self, owner: StepPlan, error: ErrorInfo, prefix: str) -> dict[str, Settled]:
        """Run the step's error handlers for this error in their order, up to the first that does not complete."""
        ended: dict[str, Settled] = {}
        for entry in handlers_for(owner, error.type):
            ended[entry.handler] = await self._run_handler(owner, self.run.plan.steps[entry.handler], prefix)
            if ended[entry.handler].outcome is not Outcome.COMPLETED:
                break
        return ended

    async def _run_handler(self, owner: StepPlan, handler: StepPlan, prefix: str) -> Settled:
        state = self.run.state
        own_prefix = handler_prefix(owner, handler, prefix)
        state.reset(state.open(own_prefix + handler.step_id, handler))
        settled = await self.execute(handler, own_prefix)
        if own_prefix != prefix:
            latest = state.records[own_prefix + handler.step_id]
            state.mirror(latest, state.open(prefix + handler.step_id, handler))
        return settled

    def skip(self, record: Record, reason: SkipReason) -> Settled:
        """Settle a step without running it."""
        self.run.state.skip(record, reason)
        record.end_time = timestamp()
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
        self.run.display.settled(record)
        self.run.telemetry.step_ended(record)
        level = logging.WARNING if status is StepStatus.FAILED else logging.DEBUG
        workflow.logger.log(level, "step %s is %s", record.path, status.value, extra={"step": record.path})
