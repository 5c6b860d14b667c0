"""What the server itself knows of runs: status and pending attempts.

These read the raw answers of the service: the SDK's own wrappers raise on a run that was paused on the server.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.common.v1 import Payload, WorkflowExecution
from temporalio.api.enums.v1 import PendingActivityState, TimeoutType, WorkflowExecutionStatus
from temporalio.api.failure.v1 import Failure
from temporalio.api.workflow.v1 import PendingActivityInfo, WorkflowExecutionInfo
from temporalio.api.workflowservice.v1 import (
    DescribeWorkflowExecutionRequest,
    DescribeWorkflowExecutionResponse,
    GetWorkflowExecutionHistoryRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.workflows.contract import (
    MODEL_ACTIVITY,
    SEARCH_ATTRIBUTE_VERSION,
    SEARCH_ATTRIBUTE_WAITING_FOR,
    ModelProgress,
)

REPORTED_PROBLEMS = "TemporalReportedProblems"
"""The server's own search attribute of runs whose workflow task failed five times in a row (Temporal Server 1.32 does)."""
RPC_TIMEOUT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run as the server lists it."""

    id: str
    """Temporal's workflow id; what `adw` calls RUN."""
    run_id: str
    workflow_type: str
    status: str
    """Temporal's status in small letters: `running`, `completed`, `failed`, `canceled`, `terminated`, ..."""
    task_queue: str
    start_time: datetime | None
    close_time: datetime | None
    history_events: int
    waiting_for: tuple[str, ...] = ()
    """Empty too where the namespace does not know the search attribute."""
    faulty: bool = False
    """The server says that its workflow task has failed several times: `EngineFault`. `client.service.faults` tells why."""
    version: str | None = None
    """The version of its definition; None where the run does not tell it: it began before 0.2.0, or the namespace does not know the
    search attribute."""

    @property
    def definition(self) -> str:
        """Its type, and the version where that is known."""
        return self.workflow_type if self.version is None else f"{self.workflow_type} {self.version}"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One action that is running, waiting for a worker, or waiting for its next attempt."""

    path: str
    """The step's path; for an undo its activity id."""
    action: str
    attempt: int
    """The current attempt, 1-based; the next one when `state` is `scheduled`."""
    max_attempts: int
    """0 means no limit."""
    state: str
    """`scheduled`, `started`, `cancel_requested`, `paused`, ..."""
    started_at: datetime | None
    last_heartbeat_at: datetime | None
    next_attempt_at: datetime | None
    worker: str
    """Identity of the worker that has it, or had it last."""
    last_failure: str | None
    worker_lost: bool
    """Whether the last attempt ended because no sign of life or no answer came in time."""
    timeout_seconds: float | None = None
    """Seconds one attempt may take; None where the server does not say it."""
    heartbeat_timeout_seconds: float | None = None
    """Seconds without a sign of life after which the attempt counts as lost; None where it need not give any."""
    progress: ModelProgress | None = None
    """Of the call of a model: how far its answer is, where it said so."""
    task_queue: str = ""
    """Where it waits for a worker."""
    scheduled_at: datetime | None = None
    """Since when the attempt waits for a worker, or waited for the one that has it; in the future for one that is tried again later."""

    def waits_since(self, now: datetime) -> datetime | None:
        """Since when a worker could have taken it, and none did; None where one has it, or it is to be tried again later."""
        since = self.next_attempt_at or self.scheduled_at
        return since if self.state == "scheduled" and since is not None and since <= now else None

    @property
    def is_running(self) -> bool:
        """Whether a worker has it in hand, as far as the server knows."""
        return self.started_at is not None and self.state in ("started", "cancel_requested")

    @property
    def heard_at(self) -> datetime | None:
        """The last sign of life of the attempt that runs: its latest heartbeat, or that it began; None where none runs."""
        if self.started_at is None or not self.is_running:
            return None
        return max(self.started_at, self.last_heartbeat_at or self.started_at)

    @property
    def beats(self) -> bool:
        """Whether the attempt that runs gives signs of life, or has to."""
        return self.heartbeat_timeout_seconds is not None or self.heard_at != self.started_at


async def describe(client: Client, id: str, run_id: str | None = None) -> DescribeWorkflowExecutionResponse:
    """Ask the server for a run's description; raises the SDK's `RPCError`."""
    return await client.workflow_service.describe_workflow_execution(
        DescribeWorkflowExecutionRequest(
            namespace=client.namespace, execution=WorkflowExecution(workflow_id=id, run_id=run_id or "")
        ),
        timeout=RPC_TIMEOUT,
    )


async def first_start(client: Client, description: DescribeWorkflowExecutionResponse) -> datetime | None:
    """When the first of the histories began that make up a run; raises the SDK's `RPCError` unless the server has let go of it.

    Runs of a cron schedule have one first history together, and are runs of their own: of such a one it is the latest.
    """
    info = description.workflow_execution_info
    if not info.first_run_id or info.first_run_id == info.execution.run_id or await _is_cron(client, info):
        return _time(info, "start_time")
    try:
        first = await describe(client, info.execution.workflow_id, info.first_run_id)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return _time(info, "start_time")
    return _time(first.workflow_execution_info, "start_time")


async def _is_cron(client: Client, info: WorkflowExecutionInfo) -> bool:
    request = GetWorkflowExecutionHistoryRequest(
        namespace=client.namespace, execution=info.execution, maximum_page_size=1
    )
    answer = await client.workflow_service.get_workflow_execution_history(request, timeout=RPC_TIMEOUT)
    started = answer.history.events[0].workflow_execution_started_event_attributes
    return bool(started.cron_schedule)


def summarize(info: WorkflowExecutionInfo) -> RunSummary:
    """Read one entry of a list or a description."""
    return RunSummary(
        id=info.execution.workflow_id,
        run_id=info.execution.run_id,
        workflow_type=info.type.name,
        status=_enum_name(WorkflowExecutionStatus.Name, info.status, "WORKFLOW_EXECUTION_STATUS_"),
        task_queue=info.task_queue,
        start_time=_time(info, "start_time"),
        close_time=_time(info, "close_time"),
        history_events=info.history_length,
        waiting_for=_names(info.search_attributes.indexed_fields.get(SEARCH_ATTRIBUTE_WAITING_FOR)),
        faulty=bool(_names(info.search_attributes.indexed_fields.get(REPORTED_PROBLEMS))),
        version=next(iter(_names(info.search_attributes.indexed_fields.get(SEARCH_ATTRIBUTE_VERSION))), None),
    )


async def read_attempts(client: Client, description: DescribeWorkflowExecutionResponse) -> dict[str, Attempt]:
    """Read the pending activities of a description, by their paths."""
    return {
        info.activity_id: read_attempt(info, await _progress_of(client, info))
        for info in description.pending_activities
    }


async def _progress_of(client: Client, info: PendingActivityInfo) -> ModelProgress | None:
    """How far a call of a model is, as its latest sign of life says; those of an attempt before tell nothing of this one."""
    details = info.heartbeat_details.payloads
    if info.activity_type.name != MODEL_ACTIVITY or not details or not _is_of_this_attempt(info):
        return None
    # Whatever is wrong with it (a codec that this client lacks, another release's details): a run is shown without it.
    with contextlib.suppress(Exception):
        [said, *_] = await client.data_converter.decode([details[0]])
        return ModelProgress.model_validate(said)
    return None


def _is_of_this_attempt(info: PendingActivityInfo) -> bool:
    return (
        info.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        and info.last_heartbeat_time.ToNanoseconds() > info.last_started_time.ToNanoseconds()
    )


def read_attempt(info: PendingActivityInfo, progress: ModelProgress | None = None) -> Attempt:
    """Read one pending activity of a description."""
    return Attempt(
        path=info.activity_id,
        action=info.activity_type.name,
        attempt=info.attempt,
        max_attempts=info.maximum_attempts,
        state=_enum_name(PendingActivityState.Name, info.state, "PENDING_ACTIVITY_STATE_"),
        started_at=_time(info, "last_started_time"),
        last_heartbeat_at=_time(info, "last_heartbeat_time"),
        next_attempt_at=_time(info, "next_attempt_schedule_time"),
        worker=info.last_worker_identity,
        last_failure=_failure_text(info.last_failure) if info.HasField("last_failure") else None,
        worker_lost=info.last_failure.timeout_failure_info.timeout_type
        in (TimeoutType.TIMEOUT_TYPE_HEARTBEAT, TimeoutType.TIMEOUT_TYPE_START_TO_CLOSE),
        timeout_seconds=_seconds(info.activity_options.start_to_close_timeout),
        heartbeat_timeout_seconds=_seconds(info.activity_options.heartbeat_timeout),
        progress=progress,
        task_queue=info.activity_options.task_queue.name,
        scheduled_at=_time(info, "scheduled_time"),
    )


def _seconds(duration: Duration) -> float | None:
    """None is what the server sends where nothing bounds it, and where it does not say."""
    return duration.ToTimedelta().total_seconds() or None


def _failure_text(failure: Failure) -> str:
    kind = failure.application_failure_info.type
    return f"{kind}: {failure.message}" if kind else failure.message


def _names(payload: Payload | None) -> tuple[str, ...]:
    if payload is None:
        return ()
    value: object = json.loads(payload.data)
    if isinstance(value, list):
        return tuple(str(item) for item in cast("list[object]", value))
    return () if value is None else (str(value),)


def _enum_name(name_of: Callable[..., str], value: int, prefix: str) -> str:
    # A status that this SDK's enum does not know yet must not break the list.
    try:
        return name_of(value).removeprefix(prefix).lower()
    except ValueError:
        return f"unknown_{value}"


def _time(message: WorkflowExecutionInfo | PendingActivityInfo, field: str) -> datetime | None:
    if not message.HasField(field):  # pyright: ignore[reportArgumentType]
        return None
    stamp: Timestamp = getattr(message, field)
    return stamp.ToDatetime(tzinfo=UTC)
