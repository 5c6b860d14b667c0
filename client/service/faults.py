"""A run that no step and no worker can continue: its workflow task fails again and again (`EngineFault`).

An exception that nobody foresaw in the engine, or a command that the server refuses, fails the task and not the run: nothing is failed
or undone by a bug, and a fixed worker lets the run continue from where it was.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from temporalio.api.enums.v1 import EventType, WorkflowTaskFailedCause
from temporalio.api.history.v1 import HistoryEvent, WorkflowTaskFailedEventAttributes
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryReverseRequest,
)
from temporalio.client import Client

from advanced_workflow.client.service.description import RPC_TIMEOUT
from advanced_workflow.workflows.plain.text import one_line, shortened

CODE = "EngineFault"
FAILING_ATTEMPT = 2
"""A task that is tried again has failed, or its worker was lost."""
LOST_WORKERS = 3
"""Tries after which it is a fault also where the history does not say why: more than one worker took it and did not answer."""
EVENTS_LOOKED_AT = 50
_LONGEST_REASON = 400
_ENDS_OF_TASKS = (
    EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED,
    EventType.EVENT_TYPE_WORKFLOW_TASK_TIMED_OUT,
)


@dataclass(frozen=True, slots=True)
class EngineFault:
    """Why a run's workflow task fails, and since when."""

    reason: str
    """The exception, or the server's word on the command that it refuses."""
    since: datetime
    attempts: int
    """How often it was tried."""

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        return f"{CODE}: {self.reason} (tried {self.attempts} times)"


def help_for(run_id: str) -> str:
    """What works while a run has a fault, and what does not."""
    return (
        "nothing is lost or undone, and a fixed worker continues it; until then decisions and events are kept, but queries, 'pause', "
        f"'skip' and 'cancel' get no answer. To end it instead: 'adw cancel {run_id}' is kept, too, and the fixed worker undoes what it did. "
        f"If it must end at once, terminate it ('temporal workflow terminate --workflow-id {run_id}'): 'adw rollback {run_id}' then undoes what "
        "its history says it did."
    )


async def engine_fault(client: Client, description: DescribeWorkflowExecutionResponse) -> EngineFault | None:
    """The fault of a described run; None where its workflow task does not fail. Raises the SDK's `RPCError`."""
    task = description.pending_workflow_task
    if task.attempt < FAILING_ATTEMPT:
        return None
    request = GetWorkflowExecutionHistoryReverseRequest(
        namespace=client.namespace,
        execution=description.workflow_execution_info.execution,
        maximum_page_size=EVENTS_LOOKED_AT,
    )
    answer = await client.workflow_service.get_workflow_execution_history_reverse(request, timeout=RPC_TIMEOUT)
    failed = _latest_failure(answer.history.events)
    if failed is not None:
        since = failed.event_time.ToDatetime(tzinfo=UTC)
        return EngineFault(_reason(failed.workflow_task_failed_event_attributes), since, task.attempt - 1)
    if task.attempt < LOST_WORKERS:
        return None
    since = task.original_scheduled_time.ToDatetime(tzinfo=UTC)
    return EngineFault("no worker ends its workflow task; see the workers' logs", since, task.attempt - 1)


def _latest_failure(events: Iterable[HistoryEvent]) -> HistoryEvent | None:
    """The event that says why the latest task failed; only the first failure of a task is in the history."""
    last = next((one for one in events if one.event_type in _ENDS_OF_TASKS), None)
    failed = last is not None and last.event_type == EventType.EVENT_TYPE_WORKFLOW_TASK_FAILED
    if last is None or not failed:
        return None
    by_reset = WorkflowTaskFailedCause.WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW
    return None if last.workflow_task_failed_event_attributes.cause == by_reset else last


def _reason(failed: WorkflowTaskFailedEventAttributes) -> str:
    kind = failed.failure.application_failure_info.type
    text = f"{kind}: {failed.failure.message}" if kind else failed.failure.message
    return shortened(one_line(text), _LONGEST_REASON) or "the reason is not in the history; see the workers' logs"
