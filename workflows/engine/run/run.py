"""One run: its steps, its deadline, cancellation, rollback, continuing in a new history, and its end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow

from advanced_workflow.workflows.contract import (
    CANCEL_OPERATION,
    AuditEntry,
    ErrorInfo,
    ExecutionOptions,
    Json,
    Prepared,
    RunStatus,
    read_cancel_reason,
)
from advanced_workflow.workflows.definition.text.load import dump_definition
from advanced_workflow.workflows.engine.actions.undo import undo_run
from advanced_workflow.workflows.engine.containers.graphs import run_graph
from advanced_workflow.workflows.engine.graph.driver import ended
from advanced_workflow.workflows.engine.graph.plan import Plan
from advanced_workflow.workflows.engine.run import snapshot
from advanced_workflow.workflows.engine.run.endings import (
    BY_CANCEL,
    BY_PARENT,
    Ending,
    RunCancelled,
    RunContinues,
    RunFails,
    by_error,
    ending_of,
)
from advanced_workflow.workflows.engine.run.inbox import Inbox
from advanced_workflow.workflows.engine.run.origin import naming_this_history
from advanced_workflow.workflows.engine.run.output import output_of_run
from advanced_workflow.workflows.engine.run.results import fitting, run_result
from advanced_workflow.workflows.engine.run.services import services_of
from advanced_workflow.workflows.engine.state.live_state import root_frame
from advanced_workflow.workflows.engine.step.failures import told
from advanced_workflow.workflows.engine.temporal.clock import sleep_until, timestamp
from advanced_workflow.workflows.engine.temporal.next_task import MOMENT
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.quiet import is_run_cancelled, quiet, why_cancelled
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog
from advanced_workflow.workflows.errors import RollbackIncomplete, StateTooLarge, WorkflowTimeout
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339
from advanced_workflow.workflows.plain.strict_json import encode

_CONTINUE = "continue"
_ROOM_AROUND = 32 * 1024
"""Bytes of a failure beside the result object: its message, and where it was raised."""
_AT_ONCE = timedelta(seconds=1)
"""What the server takes at most to begin a run that nothing delays."""

Interruption = asyncio.Future[Ending | str | None]
"""What ends the waiting for a run's work: an ending, that the run must continue in a new history, or None as the work is done."""


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
        self._started_at: datetime = parse_rfc3339(carried["started_at"]) if carried is not None else _beginning()
        self._ending = Ending.load(carried["ending"]) if carried is not None and carried["ending"] else None
        self._undo_only = carried is not None and carried.get("undo_only") is True
        self._asked = carried is not None and carried.get("asked") is True
        self.start_time = timestamp(self._started_at)
        self.context = services_of(plan, prepared, input_data, options, self._started_at, carried)
        self.state = self.context.state
        self.inbox = Inbox(self.state.thinking)

    @property
    def deadline(self) -> datetime:
        """When the run times out; it moves by the time spent paused."""
        return self._started_at + self._timeout + self.context.operations.closed_for

    @property
    def _timeout(self) -> timedelta:
        """Of the definition, or what its expression gave when the run was prepared."""
        written = self.context.plan.workflow.timeout
        return timedelta(seconds=self.context.prepared.timeout or 0 if isinstance(written, str) else written)

    async def execute(self) -> dict[str, Json]:
        """Run to the end. Gives the result object; raises `RunFails`, `RunCancelled` or `RunContinues`."""
        if self._ending is None:
            steps = asyncio.ensure_future(self._run_steps())
            self._ending = await self._wait_for(steps)
            if self._ending is None:
                result, undo = steps.result()
                return await self._sendable(self._finish(RunStatus.COMPLETED, None, result=result, undo=undo))
        await self._roll_back()
        try:
            return await self._sendable(self._fail(self._ending))
        except RunFails as failed:
            await self._sendable(failed.details)
            raise

    async def _sendable(self, report: dict[str, Json]) -> dict[str, Json]:
        """Wait until the report fits into what the run's last task sends. A cancel comes too late by now."""
        budget = self.context.budget
        if not budget.may_end():
            size = len(encode(report, "the report"))
            while not budget.fits(size):
                await ended(asyncio.ensure_future(budget.room_for(size)))
        return report

    async def _run_steps(self) -> tuple[Json, Json]:
        """Run the definition's graph; gives its result, and what a parent run needs to undo it."""
        plan, frame = self.context.plan, root_frame(self.context.saga.log)
        await run_graph(self.context, plan.root, frame, contained=False)
        return await output_of_run(self.context, frame), self._handed_over()

    async def _wait_for(self, steps: asyncio.Future[Any]) -> Ending | None:
        """Wait until the steps ended, the deadline passed, or the run is cancelled; then no step runs any more."""
        early = _interruption(steps)
        deadline = asyncio.ensure_future(self._watch_deadline(early))
        history = asyncio.ensure_future(self._watch_history(early))
        # What was under way in an earlier history takes up its place before anything may end it.
        cancelled = await ended(asyncio.ensure_future(quiet()))
        try:
            ending = BY_CANCEL if cancelled and not steps.done() else await asyncio.shield(early)
        except asyncio.CancelledError:
            ending = None if steps.done() else BY_CANCEL
        history.cancel()
        if isinstance(ending, str):
            ending = self._continue()
        ending = ending or ending_of(steps)
        if ending is None:
            return None
        await self._end_steps(steps, ending)
        deadline.cancel()
        return ending

    async def _end_steps(self, steps: asyncio.Future[Any], ending: Ending) -> None:
        self.state.status = RunStatus.ROLLING_BACK
        self.state.error = ending.error
        if ending is BY_CANCEL and is_run_cancelled():
            self._note_cancel()
        self.context.approvals.end()
        self.context.continuation.begin_ending()
        steps.cancel()
        await ended(steps)
        self.context.continuation.end_ending()

    def _note_cancel(self) -> None:
        by, reason = read_cancel_reason(why_cancelled())
        self.state.audit.append(AuditEntry(time=timestamp(), operation=CANCEL_OPERATION, by=by, reason=reason))

    async def _roll_back(self) -> None:
        """Undo everything, however often the run is cancelled meanwhile, over as many histories as it takes."""
        self.context.approvals.end()
        undoing = asyncio.ensure_future(undo_run(self.context))
        early = _interruption(undoing)
        history = asyncio.ensure_future(self._watch_history(early))
        await ended(early)
        history.cancel()
        if early.result() == _CONTINUE:
            self._continue()  # Where that cannot be, the rest is undone in this history.
        await ended(undoing)
        undoing.result()

    async def _watch_deadline(self, early: Interruption) -> None:
        while (deadline := self.deadline) > workflow.now():
            await sleep_until(deadline, "run timeout")
            await self.context.operations.gate()
        if not early.done():
            seconds = self._timeout.total_seconds()
            late = WorkflowTimeout(f"the run did not end within its timeout of {seconds:g} seconds.")
            early.set_result(by_error(late, status=RunStatus.TIMEOUT))

    async def _watch_history(self, early: Interruption) -> None:
        continuation = self.context.continuation
        while not early.done():
            await quiet(lambda: continuation.is_possible)
            # The run may be told the results of local activities, and then messages, before the rest of a workflow task: a message or
            # a cancellation that came with it would be lost. What a timer wakes has heard all of its task.
            await workflow.sleep(MOMENT, summary="continue in a new history")
            await quiet()
            if continuation.is_possible and not early.done() and self.context.budget.may_end():
                early.set_result(_CONTINUE)

    def _continue(self) -> Ending:
        """Continue in a new history: raises `RunContinues`. Gives the run's end where it cannot."""
        try:
            carried = snapshot.packed(self._snapshot(), self._room)
        except StateTooLarge as error:
            self.context.continuation.forbid()
            return by_error(error)
        raise RunContinues(naming_this_history(carried))

    def _snapshot(self) -> dict[str, Json]:
        taken = {
            **snapshot.take(self.context),
            "started_at": self._started_at.isoformat(),
            "execution_id": self.context.execution_id,
            "ending": self._ending.dump() if self._ending else None,
            "undo_only": self._undo_only,
            "asked": self._asked,
        }
        # A run that only undoes has no other argument.
        return {**taken, **self._arguments()} if self._undo_only else taken

    def _handed_over(self) -> Json:
        """What a parent run needs to undo this one later; None unless it asked for it."""
        if not self.context.options.hand_over_undo or not self.context.saga.log.needs_undo:
            return None
        taken = self.to_undo(self.context.saga.log, BY_PARENT)
        return snapshot.packed(taken, self.context.prepared.payload_limit // 2)

    def to_undo(self, log: UndoLog, ending: Ending) -> dict[str, Json]:
        """What another run begins with that undoes what is in the log."""
        report: dict[str, Json] = {"undo_failed": UndoLog().dump(), "undo_entries": [], "undo_counts": {}}
        more = {"undo": log.dump(), **report, "undo_only": True, **self._arguments(), "ending": ending.dump()}
        taken = self._snapshot()
        if self.context.prepared.definition is None:  # It is in the arguments of this run, and the other has none.
            taken["prepared"]["definition"] = dump_definition(self.context.plan.workflow)
        return {**taken, **more}

    def _arguments(self) -> dict[str, Json]:
        options = self.context.options.model_dump(mode="json", exclude_defaults=True)
        return {"input_data": self.state.input_data, "options": options}

    def _fail(self, ending: Ending) -> dict[str, Json]:
        report = self.context.saga.report(ending.error.type)
        details = self._finish(ending.status, ending.error, result=None)
        if self._undo_only and (report.complete or not self._asked):
            return details
        if not report.complete:
            failed = ", ".join(
                f"{one.path} ({one.action or 'its run'})" for one in report.entries if one.outcome == "failed"
            )
            message = f"not everything was undone: {failed}; 'adw rollback' tries these again."
            if not self._asked:
                message += f" The run failed because {told(ending.error)}"
            raise RunFails(RollbackIncomplete.code, message, details)
        if ending.status is RunStatus.CANCELLED:
            raise RunCancelled
        raise RunFails(ending.code, told(ending.error), details)

    def _finish(
        self, status: RunStatus, error: ErrorInfo | None, *, result: Json, undo: Json = None
    ) -> dict[str, Json]:
        self.state.status = status
        self.context.approvals.end()
        self.context.display.update()
        ended = run_result(self.context, self.start_time, self._started_at, error, result)
        ended.undo = undo
        self.context.telemetry.run_ended(ended, self.context.plan)
        return fitting(ended, self.context.prepared.payload_limit - _ROOM_AROUND)


def _interruption(work: asyncio.Future[Any]) -> Interruption:
    """A future that the work's end settles, if nothing does before."""
    early: Interruption = asyncio.get_running_loop().create_future()
    work.add_done_callback(lambda _: None if early.done() else early.set_result(None))
    return early


def _beginning() -> datetime:
    """When the run began: with its first workflow task. A start delay, a cron schedule or missing workers come before it."""
    info = workflow.info()
    # As good as the same in all other runs, and without a question in their histories.
    return (
        info.start_time
        if info.start_time - info.workflow_start_time > _AT_ONCE and patched(Patch.RULES_2)
        else info.workflow_start_time
    )
