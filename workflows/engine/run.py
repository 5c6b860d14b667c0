"""One run: its steps, its deadline, cancellation, rollback, and its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

from workflows.contract import PAYLOAD_LIMIT_BYTES, ErrorInfo, ExecutionOptions, Json, RunStatus, SkipReason
from workflows.engine.approvals import Approvals
from workflows.engine.calls import call_undo
from workflows.engine.clock import sleep_until, timestamp
from workflows.engine.context import RunContext
from workflows.engine.display import Display
from workflows.engine.driver import GraphDriver, ended
from workflows.engine.events import Events
from workflows.engine.execution import Execution
from workflows.engine.failures import CANCELLED, StepFailure
from workflows.engine.operations import Operations
from workflows.engine.payloads import encode
from workflows.engine.plan import Plan
from workflows.engine.results import fitting, run_result
from workflows.engine.saga import Saga, UndoCall
from workflows.engine.scheduler import Settled
from workflows.engine.scope import scope_of
from workflows.engine.slots import Slots
from workflows.engine.state import RunState
from workflows.engine.task_budget import TaskBudget
from workflows.engine.telemetry import begin_telemetry
from workflows.errors import Deadlock, RollbackIncomplete, WorkflowError, WorkflowFailed, WorkflowTimeout

RESULT_LIMIT_BYTES = PAYLOAD_LIMIT_BYTES // 2
"""Room for the steps and the rollback report beside the definition's own result."""


@dataclass(frozen=True, slots=True)
class RunFailure:
    """How a run failed: Temporal failure type, sentence, and the result object as details."""

    code: str
    message: str
    details: dict[str, Json]


@dataclass(frozen=True, slots=True)
class _Ending:
    """Why the steps ended before their time."""

    error: ErrorInfo
    code: str = WorkflowFailed.code
    status: RunStatus = RunStatus.FAILED


class RunCancelled(Exception):
    """The run was cancelled and everything was undone."""


class RunFailedError(Exception):
    """The run failed; carries the failure as data."""

    def __init__(self, failure: RunFailure) -> None:
        """Keep the failure."""
        super().__init__(failure.message)
        self.failure = failure


class Run:
    """A definition being run."""

    def __init__(self, plan: Plan, input_data: Json, options: ExecutionOptions, *, search_attributes: bool) -> None:
        """Everything is ready; nothing runs yet."""
        info = workflow.info()
        definition = plan.workflow
        execution_id = info.first_execution_run_id
        self.start_time = timestamp(info.workflow_start_time)
        self.state = RunState(
            plan,
            input_data,
            {
                "execution_id": execution_id,
                "workflow_id": definition.workflow_id,
                "version": definition.version,
                "started_at": self.start_time,
            },
        )
        self._started_at: datetime = info.workflow_start_time
        self._execution = Execution()
        self.context = RunContext(
            execution_id=execution_id,
            run_id=info.run_id,
            plan=plan,
            options=options,
            state=self.state,
            slots=Slots(definition.max_parallel_steps),
            budget=TaskBudget(),
            saga=Saga(),
            approvals=Approvals(self.state, options.started_by, options.groups),
            events=Events(),
            operations=Operations(self.state),
            display=Display(self.state, search_attributes=search_attributes),
            telemetry=begin_telemetry(definition.workflow_id),
            execute=self._execution.execute,
            skip=self._execution.skip,
        )
        self._execution.attach(self.context)

    @property
    def deadline(self) -> datetime:
        """When the run times out; it moves by the time spent paused."""
        timeout = timedelta(seconds=self.context.plan.workflow.timeout)
        return self._started_at + timeout + self.context.operations.closed_for

    async def execute(self) -> dict[str, Json]:
        """Run to the end. Gives the result object; raises `RunFailedError` or `RunCancelled`."""
        body = asyncio.ensure_future(self._run_steps())
        ending = await self._wait_for(body)
        if ending is None:
            return self._finish(RunStatus.COMPLETED, None, result=body.result())
        unwinding = asyncio.ensure_future(self._unwind())
        await ended(unwinding)
        unwinding.result()
        return self._fail(ending)

    async def _run_steps(self) -> Json:
        root = self.context.plan.root

        async def run_step(step_id: str) -> Settled:
            return await self._execution.execute(root.steps[step_id], "", contained=False)

        def note_skip(step_id: str, reason: SkipReason) -> None:
            self._execution.skip(self.state.open(step_id, root.steps[step_id]), reason)

        await GraphDriver(root.shape, run_step, on_skip=note_skip).drive()
        return self._result()

    def _result(self) -> Json:
        plan = self.context.plan
        result = self.state.variables if plan.output is None else plan.output.evaluate(scope_of(self.state))
        encode(result, "the run's result", RESULT_LIMIT_BYTES)
        return result

    async def _wait_for(self, body: asyncio.Future[Any]) -> _Ending | None:
        """Wait until the steps ended, the deadline passed, or the run is cancelled; then no step runs any more."""
        early: asyncio.Future[_Ending | None] = asyncio.get_running_loop().create_future()
        body.add_done_callback(lambda _: None if early.done() else early.set_result(None))
        watch = asyncio.ensure_future(self._watch_deadline(early))
        try:
            ending = await asyncio.shield(early)
        except asyncio.CancelledError:
            ending = None if body.done() else _CANCELLED
        ending = ending or _ending_of(body)
        if ending is None:
            return None
        self.state.status = RunStatus.ROLLING_BACK
        self.state.error = ending.error
        self.context.approvals.ended = True
        body.cancel()
        await ended(body)
        watch.cancel()
        return ending

    async def _watch_deadline(self, early: asyncio.Future[_Ending | None]) -> None:
        while (deadline := self.deadline) > workflow.now():
            await sleep_until(deadline, "run timeout")
            await self.context.operations.gate()
        if not early.done():
            seconds = self.context.plan.workflow.timeout
            message = f"the run did not end within its timeout of {seconds:g} seconds."
            code = WorkflowTimeout.code
            early.set_result(_Ending(ErrorInfo(type=code, message=message), code, RunStatus.TIMEOUT))

    async def _unwind(self) -> None:
        async def call(undo: UndoCall) -> ErrorInfo | None:
            return await call_undo(self.context, undo)

        await self.context.saga.unwind(self.context.plan.root, call)

    def _fail(self, ending: _Ending) -> dict[str, Json]:
        report = self.context.saga.report(ending.error.type)
        details = self._finish(ending.status, ending.error, result=None)
        if not report.complete:
            failed = ", ".join(f"{one.path} ({one.action})" for one in report.entries if one.outcome == "failed")
            message = (
                f"not everything was undone: {failed}; 'adw rollback' tries these again. "
                f"The run failed because {ending.error.message}"
            )
            raise RunFailedError(RunFailure(RollbackIncomplete.code, message, details))
        if ending.status is RunStatus.CANCELLED:
            raise RunCancelled
        raise RunFailedError(RunFailure(ending.code, ending.error.message, details))

    def _finish(self, status: RunStatus, error: ErrorInfo | None, *, result: Json) -> dict[str, Json]:
        self.state.status = status
        self.context.approvals.ended = True
        self.context.display.update()
        ended = run_result(self.context, self.start_time, self._started_at, error, result)
        self.context.telemetry.run_ended(ended)
        return fitting(ended)


def _ending_of(body: asyncio.Future[Any]) -> _Ending | None:
    """How the steps failed; None when they did not. An engine error is raised: it fails the task, not the run."""
    error = body.exception()
    if isinstance(error, StepFailure):
        return _Ending(error.error, error.run_code)
    if isinstance(error, WorkflowError):
        code = error.code if isinstance(error, Deadlock) else WorkflowFailed.code
        return _Ending(ErrorInfo(type=error.code, message=str(error)), code)
    if error is not None:
        raise error
    return None


_CANCELLED = _Ending(ErrorInfo(type=CANCELLED, message="the run was cancelled."), CANCELLED, RunStatus.CANCELLED)
