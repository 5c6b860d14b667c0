"""One run: its steps, its deadline, cancellation, rollback, going on in a new history, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

from advanced_workflow.workflows.contract import (
    PAYLOAD_LIMIT_BYTES,
    ErrorInfo,
    ExecutionOptions,
    Json,
    Prepared,
    RunStatus,
)
from advanced_workflow.workflows.engine.actions.undo import undo_run
from advanced_workflow.workflows.engine.around.steps import execute
from advanced_workflow.workflows.engine.containers.graphs import run_graph
from advanced_workflow.workflows.engine.graph.driver import ended
from advanced_workflow.workflows.engine.graph.plan import Plan
from advanced_workflow.workflows.engine.monitoring.display import Display
from advanced_workflow.workflows.engine.monitoring.telemetry import begin_telemetry
from advanced_workflow.workflows.engine.people.approvals import Approvals
from advanced_workflow.workflows.engine.people.events import Events
from advanced_workflow.workflows.engine.people.operations import Operations
from advanced_workflow.workflows.engine.run import snapshot
from advanced_workflow.workflows.engine.run.reruns import keep
from advanced_workflow.workflows.engine.run.results import fitting, run_result
from advanced_workflow.workflows.engine.state.continuation import Continuation
from advanced_workflow.workflows.engine.state.live_state import LiveState, root_frame
from advanced_workflow.workflows.engine.state.locks import Locks
from advanced_workflow.workflows.engine.state.scope import scope_of
from advanced_workflow.workflows.engine.state.slots import Slots
from advanced_workflow.workflows.engine.state.task_budget import TaskBudget
from advanced_workflow.workflows.engine.state.withdrawals import Withdrawals
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.step.failures import CANCELLED, StepFailure
from advanced_workflow.workflows.engine.temporal.clock import sleep_until, timestamp
from advanced_workflow.workflows.engine.temporal.payloads import encode
from advanced_workflow.workflows.engine.temporal.quiet import quiet
from advanced_workflow.workflows.engine.undo.saga import Saga
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog
from advanced_workflow.workflows.errors import (
    Deadlock,
    RollbackIncomplete,
    StateTooLarge,
    WorkflowError,
    WorkflowFailed,
    WorkflowTimeout,
)
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339

RESULT_LIMIT_BYTES = PAYLOAD_LIMIT_BYTES // 2
"""Room for the steps and the rollback report beside the definition's own result."""

_CONTINUE = "continue"
_MOMENT = timedelta(milliseconds=1)


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

    def dump(self) -> dict[str, Json]:
        """As plain data."""
        return {"error": self.error.model_dump(mode="json"), "code": self.code, "status": self.status.value}

    @staticmethod
    def load(data: Mapping[str, Json]) -> _Ending:
        """The ending of `dump`."""
        return _Ending(ErrorInfo.model_validate(data["error"]), data["code"], RunStatus(data["status"]))


class RunContinues(Exception):
    """The run goes on in a new history; carries what it takes along."""

    def __init__(self, carried: dict[str, Json]) -> None:
        """Keep it."""
        super().__init__()
        self.carried = carried


class RunCancelled(Exception):
    """The run was cancelled and everything was undone."""


class RunFailedError(Exception):
    """The run failed; carries the failure as data."""

    def __init__(self, failure: RunFailure) -> None:
        """Keep the failure."""
        super().__init__(failure.message)
        self.failure = failure


class Run:
    """A definition being run, from its beginning or from what an earlier history carried on."""

    def __init__(
        self,
        plan: Plan,
        prepared: Prepared,
        input_data: Json,
        options: ExecutionOptions,
        carried: Mapping[str, Json] | None = None,
        *,
        room: int,
    ) -> None:
        """Everything is ready; nothing runs yet. `room` is how many bytes it may take along to a new history."""
        self._room = room
        info = workflow.info()
        definition = plan.workflow
        self._started_at: datetime = (
            parse_rfc3339(carried["started_at"]) if carried is not None else info.workflow_start_time
        )
        self._ending = _Ending.load(carried["ending"]) if carried is not None and carried["ending"] else None
        self._undo_only = carried is not None and carried.get("undo_only") is True
        execution_id: str = carried["execution_id"] if carried is not None else info.first_execution_run_id
        self.start_time = timestamp(self._started_at)
        self.state = LiveState(
            plan,
            input_data,
            {
                "execution_id": execution_id,
                "workflow_id": definition.workflow_id,
                "version": definition.version,
                "started_at": self.start_time,
            },
        )
        self.context = RunContext(
            execution_id=execution_id,
            run_id=info.run_id,
            plan=plan,
            prepared=prepared,
            options=options,
            state=self.state,
            slots=Slots(definition.max_parallel_steps),
            locks=Locks(),
            continuation=Continuation(prepared.continue_after),
            withdrawals=Withdrawals(),
            breakers={},
            budget=TaskBudget(),
            saga=Saga(plan.steps, snapshot.undo_log_of(carried) if carried is not None else UndoLog()),
            approvals=Approvals(self.state, options.started_by, options.groups),
            events=Events(),
            operations=Operations(self.state),
            display=Display(self.state, search_attributes=prepared.search_attributes),
            telemetry=begin_telemetry(definition.workflow_id, carried["telemetry"] if carried is not None else None),
            execute_step=execute,
        )
        if carried is not None:
            snapshot.give(self.context, carried)
        elif options.rerun is not None:
            keep(self.context, options.rerun)

    @property
    def deadline(self) -> datetime:
        """When the run times out; it moves by the time spent paused."""
        timeout = timedelta(seconds=self.context.plan.workflow.timeout)
        return self._started_at + timeout + self.context.operations.closed_for

    async def execute(self) -> dict[str, Json]:
        """Run to the end. Gives the result object; raises `RunFailedError`, `RunCancelled` or `RunContinues`."""
        if self._ending is None:
            body = asyncio.ensure_future(self._run_steps())
            self._ending = await self._wait_for(body)
            if self._ending is None:
                result, undo = body.result()
                return self._finish(RunStatus.COMPLETED, None, result=result, undo=undo)
        await self._roll_back()
        return self._fail(self._ending)

    async def _run_steps(self) -> tuple[Json, Json]:
        """Run the definition's graph; gives its result, and what a parent run needs to undo it."""
        frame = root_frame(self.context.saga.log)
        await run_graph(self.context, self.context.plan.root, frame, contained=False)
        plan = self.context.plan
        result = self.state.variables if plan.output is None else plan.output.evaluate(scope_of(self.state, frame))
        encode(result, "the run's result", self.context.prepared.payload_limit // 2)
        return result, self._handed_over()

    def _handed_over(self) -> Json:
        log = self.context.saga.log
        if not self.context.options.hand_over_undo or not log.needs_undo:
            return None
        error = ErrorInfo(type="ParentRolledBack", message="the run it is part of is rolling back.")
        ending = _Ending(error, status=RunStatus.ROLLING_BACK).dump()
        more = {"undo_only": True, **self._arguments(), "ending": ending}
        return snapshot.packed({**self._snapshot(), **more}, self.context.prepared.payload_limit // 2)

    def _snapshot(self) -> dict[str, Json]:
        taken = {
            **snapshot.take(self.context),
            "started_at": self._started_at.isoformat(),
            "execution_id": self.context.execution_id,
            "ending": self._ending.dump() if self._ending else None,
            "undo_only": self._undo_only,
        }
        # A run that only undoes has no other argument.
        return {**taken, **self._arguments()} if self._undo_only else taken

    def _arguments(self) -> dict[str, Json]:
        options = self.context.options.model_dump(mode="json", exclude_defaults=True)
        return {"input_data": self.state.input_data, "options": options}

    async def _wait_for(self, body: asyncio.Future[Any]) -> _Ending | None:
        """Wait until the steps ended, the deadline passed, or the run is cancelled; then no step runs any more."""
        early: asyncio.Future[_Ending | str | None] = asyncio.get_running_loop().create_future()
        body.add_done_callback(lambda _: None if early.done() else early.set_result(None))
        watch = asyncio.ensure_future(self._watch_deadline(early))
        going_on = asyncio.ensure_future(self._watch_history(early))
        # What was under way in an earlier history takes up its place before anything may end it.
        cancelled = await ended(asyncio.ensure_future(quiet()))
        try:
            ending = _CANCELLED if cancelled and not body.done() else await asyncio.shield(early)
        except asyncio.CancelledError:
            ending = None if body.done() else _CANCELLED
        going_on.cancel()
        if isinstance(ending, str):
            ending = self._continue()
        ending = ending or _ending_of(body)
        if ending is None:
            return None
        self.state.status = RunStatus.ROLLING_BACK
        self.state.error = ending.error
        self.context.approvals.ended = True
        self.context.continuation.begin_ending()
        body.cancel()
        await ended(body)
        self.context.continuation.end_ending()
        watch.cancel()
        return ending

    async def _watch_history(self, early: asyncio.Future[_Ending | str | None]) -> None:
        continuation = self.context.continuation
        while not early.done():
            await quiet(lambda: continuation.is_possible)
            # The run may be told the results of local activities, and then messages, before the rest of a workflow task: a message or
            # a cancellation that came with it would be lost. What a timer wakes has heard all of its task.
            await workflow.sleep(_MOMENT, summary="go on in a new history")
            await quiet()
            if continuation.is_possible and not early.done():
                early.set_result(_CONTINUE)

    def _continue(self) -> _Ending:
        """Go on in a new history: raises `RunContinues`. Gives the run's end where it cannot."""
        try:
            carried = snapshot.packed(self._snapshot(), self._room)
        except StateTooLarge as error:
            self.context.continuation.forbid()
            return _Ending(ErrorInfo(type=error.code, message=str(error)), error.code)
        raise RunContinues(carried)

    async def _roll_back(self) -> None:
        """Undo everything, however often the run is cancelled meanwhile, over as many histories as it takes."""
        self.context.approvals.ended = True
        undoing = asyncio.ensure_future(undo_run(self.context))
        early: asyncio.Future[_Ending | str | None] = asyncio.get_running_loop().create_future()
        undoing.add_done_callback(lambda _: None if early.done() else early.set_result(None))
        going_on = asyncio.ensure_future(self._watch_history(early))
        await ended(early)
        going_on.cancel()
        if early.result() == _CONTINUE:
            self._continue()  # Where that cannot be, the rest is undone in this history.
        await ended(undoing)
        undoing.result()

    async def _watch_deadline(self, early: asyncio.Future[_Ending | str | None]) -> None:
        while (deadline := self.deadline) > workflow.now():
            await sleep_until(deadline, "run timeout")
            await self.context.operations.gate()
        if not early.done():
            seconds = self.context.plan.workflow.timeout
            message = f"the run did not end within its timeout of {seconds:g} seconds."
            code = WorkflowTimeout.code
            early.set_result(_Ending(ErrorInfo(type=code, message=message), code, RunStatus.TIMEOUT))

    def _fail(self, ending: _Ending) -> dict[str, Json]:
        report = self.context.saga.report(ending.error.type)
        details = self._finish(ending.status, ending.error, result=None)
        if self._undo_only:
            return details
        if not report.complete:
            failed = ", ".join(
                f"{one.path} ({one.action or 'its run'})" for one in report.entries if one.outcome == "failed"
            )
            message = (
                f"not everything was undone: {failed}; 'adw rollback' tries these again. "
                f"The run failed because {ending.error.message}"
            )
            raise RunFailedError(RunFailure(RollbackIncomplete.code, message, details))
        if ending.status is RunStatus.CANCELLED:
            raise RunCancelled
        raise RunFailedError(RunFailure(ending.code, ending.error.message, details))

    def _finish(
        self, status: RunStatus, error: ErrorInfo | None, *, result: Json, undo: Json = None
    ) -> dict[str, Json]:
        self.state.status = status
        self.context.approvals.ended = True
        self.context.display.update()
        ended = run_result(self.context, self.start_time, self._started_at, error, result)
        ended.undo = undo
        self.context.telemetry.run_ended(ended)
        return fitting(ended, self.context.prepared.payload_limit)


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
