"""A run that no step and no worker can continue: its workflow task fails again and again (`EngineFault`).

An exception that nobody foresaw in the engine, or a command that the server refuses, fails the task and not the run: nothing is failed
or undone by a bug, and a fixed worker lets the run continue from where it was.
"""

from __future__ import annotations

import re
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
_HELP = (
    "nothing is lost or undone, and a fixed worker continues it; until then decisions and events are kept, but queries, 'pause', "
    "'skip' and 'cancel' get no answer. To end it instead: 'adw cancel {id}' is kept, too, and the fixed worker undoes what it did. "
    "If it must end at once, terminate it ('temporal workflow terminate --workflow-id {id}'): 'adw rollback {id}' then undoes what "
    "its history says it did."
)
HELD = "[TMPRL1101]"
"""How the SDK's sentence begins where a workflow task did not give way for two seconds."""
_FRAME = re.compile(r'File "(?P<file>[^"]*)", line (?P<line>\d+), in (?P<name>\S+)')
_RUNS_GRAPHS = "engine/graphs/restrictions.py"
"""Where the code of users' graphs is called from."""
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
    held_by_graph: bool = False
    """Whether the code of a user's graph does not give way; a run keeps to its graph, so that no repaired one continues it."""

    @property
    def sentence(self) -> str:
        """One sentence for people."""
        times = "once" if self.attempts == 1 else f"{self.attempts} times"
        return f"{CODE}: {self.reason} (tried {times})"

    def help(self, run_id: str) -> str:
        """What works while a run has the fault, and what does not."""
        if not self.held_by_graph:
            return _HELP.format(id=run_id)
        return (
            f"nothing is lost or undone. A run keeps to the graph that it began with: 'adw cancel {run_id}' ends it, and what it did is undone; "
            "give the repaired graph another name, or deploy it as a build of its own, for new runs."
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
        attributes = failed.workflow_task_failed_event_attributes
        holder = _holder(attributes)
        return EngineFault(holder or _reason(attributes), since, task.attempt - 1, held_by_graph=bool(holder))
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


def _holder(failed: WorkflowTaskFailedEventAttributes) -> str:
    """Which code of a user's graph held its workflow task for too long; empty where it was none."""
    if not failed.failure.message.startswith(HELD):
        return ""
    frames = list(_FRAME.finditer(failed.failure.stack_trace))  # The innermost one is the first.
    called = next((number for number, one in enumerate(frames) if one["file"].endswith(_RUNS_GRAPHS)), 0)
    if not called:
        return ""
    node = frames[called - 1]
    place = "/".join(node["file"].split("/")[-2:])
    return (
        f"GraphHoldsWorker: function {node['name']!r} of a graph ({place}, line {node['line']}) did not give way for two seconds; "
        "what takes long, or may never end, belongs in an action"
    )
