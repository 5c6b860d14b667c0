"""Trying the failed undo actions of a closed run again: `adw rollback RUN`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.client.errors import RunFailed
from advanced_workflow.client.runs import get_run
from advanced_workflow.client.service.errors import read_answer, translated_errors
from advanced_workflow.client.storage import payload_limit
from advanced_workflow.workflows.contract import (
    ROLLBACK_WORKFLOW_TYPE,
    RollbackAgain,
    RollbackReport,
    RunResult,
    UndoAgain,
    UndoEntry,
    UndoOutcome,
)
from advanced_workflow.workflows.contract.paths import execution_of, undo_run_id
from advanced_workflow.workflows.errors import OperationRefused, RollbackIncomplete


async def retry_rollback(client: Client, id: str, *, run_id: str | None = None) -> RollbackReport:
    """Try the undo actions of a closed run again that failed, in a run of their own named `ID-rollback`; wait for its end.

    Each is called as before, with the same input and idempotency key. What an earlier such run undid is not tried again.
    The answer says what became of each; `complete` is false when some failed again.

    Raises:
        OperationRefused: the run did not end with `RollbackIncomplete`, or everything has been undone since.
        RunNotFound: there is no such run.
    """
    report = await _failed_report(client, id, run_id)
    handle = client.get_workflow_handle(id, run_id=run_id)
    async with translated_errors(id, "rollback"):
        entries = await _entries(client, id, await _still_failed(client, id, report))
        request = RollbackAgain(
            execution_id=report.execution_id, run=id, entries=entries, payload_limit=payload_limit(client)
        )
        again: WorkflowHandle[Any, Any] = await client.start_workflow(
            ROLLBACK_WORKFLOW_TYPE,
            request.model_dump(mode="json"),
            id=undo_run_id(id),
            task_queue=(await handle.describe()).task_queue,
            id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
            static_summary=f"rollback of {id}",
        )
        return await _report_of(again, id)


async def _failed_report(client: Client, id: str, run_id: str | None) -> RunResult:
    run = get_run(client, id, run_id=run_id)
    summary = await run.summary()
    if summary.close_time is None:
        raise OperationRefused(f"run {id!r} has not ended; 'adw cancel {id}' undoes it.")
    try:
        await run.result()
    except RunFailed as error:
        if error.failure_type == RollbackIncomplete.code and error.result is not None:
            return error.result
    raise OperationRefused(f"run {id!r} has nothing left to undo; 'adw show {id}' shows how it ended.")


async def _still_failed(client: Client, id: str, report: RunResult) -> list[UndoEntry]:
    """The entries that failed in the run, less those that an earlier attempt undid."""
    entries = [one for one in _listed(report.rollback) if one.outcome is UndoOutcome.FAILED]
    again = client.get_workflow_handle(undo_run_id(id))
    try:
        status = (await again.describe()).status
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return entries
        raise
    if status is WorkflowExecutionStatus.RUNNING:
        raise OperationRefused(f"run {id!r} is being rolled back again already; 'adw show {undo_run_id(id)}' shows it.")
    latest = await _report_of(again, id)
    left = [one for one in latest.entries if one.outcome is not UndoOutcome.UNDONE]
    if not left:
        raise OperationRefused(f"run {id!r} has nothing left to undo; '{undo_run_id(id)}' undid the rest.")
    return left


async def _report_of(again: WorkflowHandle[Any, Any], id: str) -> RollbackReport:
    try:
        answer: object = await again.result()
    except WorkflowFailureError as error:
        cause = error.cause
        if isinstance(cause, ApplicationError) and cause.type == RollbackIncomplete.code and cause.details:
            return read_answer(RollbackReport, cause.details[0], id)
        raise OperationRefused(f"run {again.id!r} did not end by itself; 'adw show {again.id}' shows it.") from error
    return read_answer(RollbackReport, answer, id)


async def _entries(client: Client, id: str, failed: list[UndoEntry]) -> list[UndoAgain]:
    """The failed entries as they were scheduled, by this run or by the run that undid a child."""
    found: list[UndoAgain] = []
    for run in dict.fromkeys(one.run for one in failed):
        wanted = {one.activity_id: one for one in failed if one.run == run and one.action}
        scheduled = await _scheduled(client, run or id, set(wanted))
        found += [
            await _again(client, one, scheduled[one.activity_id])
            for one in wanted.values()
            if one.activity_id in scheduled
        ]
    lost = {(one.run, one.activity_id) for one in failed} - {(one.run, one.activity_id) for one in found}
    if lost:
        places = ", ".join(sorted(activity_id for _, activity_id in lost))
        raise OperationRefused(
            f"run {id!r}: {places} cannot be tried again from here (its history is gone, or a child run was ended by force); "
            "undo it by hand."
        )
    order = {(one.run, one.activity_id): number for number, one in enumerate(failed)}
    return sorted(found, key=lambda one: order[one.run, one.activity_id])


async def _scheduled(client: Client, id: str, wanted: set[str]) -> dict[str, ActivityTaskScheduledEventAttributes]:
    """The last scheduling of each of these activities, looked for in the run and in those that it continues."""
    found: dict[str, ActivityTaskScheduledEventAttributes] = {}
    run_id: str | None = None
    while len(found) < len(wanted):
        latest: dict[str, ActivityTaskScheduledEventAttributes] = {}
        earlier = ""
        async for event in client.get_workflow_handle(id, run_id=run_id).fetch_history_events():
            if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED:
                attributes = event.activity_task_scheduled_event_attributes
                latest[attributes.activity_id] = attributes
            elif event.event_type == EventType.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
                earlier = event.workflow_execution_started_event_attributes.continued_execution_run_id
        found.update({one: latest[one] for one in wanted - found.keys() if one in latest})
        if not earlier:
            break
        run_id = earlier
    return found


async def _again(client: Client, entry: UndoEntry, as_scheduled: ActivityTaskScheduledEventAttributes) -> UndoAgain:
    # By the client's converter: a large value is a reference in the history.
    arguments = await client.data_converter.decode_wrapper(as_scheduled.input)
    return UndoAgain(
        path=entry.path,
        step_id=entry.step_id,
        action=entry.action,
        activity_id=entry.activity_id,
        idempotency_key=entry.idempotency_key,
        execution_id=execution_of(entry.idempotency_key) if entry.run else None,
        run=entry.run,
        step_outcome=entry.step_outcome,
        payload=arguments[0] if arguments else None,
        task_queue=as_scheduled.task_queue.name,
        timeout=_seconds(as_scheduled.start_to_close_timeout),
        total_timeout=_seconds(as_scheduled.schedule_to_close_timeout),
        heartbeat_timeout=_seconds(as_scheduled.heartbeat_timeout) or None,
    )


def _listed(report: RollbackReport | None) -> list[UndoEntry]:
    return report.entries if report else []


def _seconds(duration: Duration) -> float:
    return duration.ToTimedelta() / timedelta(seconds=1)
