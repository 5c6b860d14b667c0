"""Task queues as the server knows them: who polls one, and how much waits in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, DescribeTaskQueueResponse
from temporalio.client import Client

from advanced_workflow.client.service.description import RPC_TIMEOUT

LONGEST_POLL_SECONDS = 70
"""A worker that waits for work asks anew at least each minute; one that did not for longer is gone."""

Kind = Literal["runs", "actions"]
_TYPES = {
    "runs": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "actions": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}


@dataclass(frozen=True, slots=True)
class Poller:
    """One worker that polled lately."""

    worker: str
    """Its identity."""
    heard_at: datetime


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """One task queue, for runs or for actions."""

    name: str
    kind: Kind
    pollers: tuple[Poller, ...] = ()
    """Workers of the last five minutes, the latest heard first; one that died since is among them."""
    backlog: int = 0
    """About how many tasks wait."""
    backlog_seconds: float = 0.0
    """How long the oldest of them waits."""

    def alive(self, now: datetime) -> int:
        """How many workers can be polling now."""
        return sum((now - one.heard_at).total_seconds() <= LONGEST_POLL_SECONDS for one in self.pollers)


async def describe_queue(client: Client, name: str, kind: Kind) -> QueueSummary:
    """Ask the server about a task queue; raises the SDK's `RPCError`."""
    request = DescribeTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=name), task_queue_type=_TYPES[kind], report_stats=True
    )
    return _summary(name, kind, await client.workflow_service.describe_task_queue(request, timeout=RPC_TIMEOUT))


def _summary(name: str, kind: Kind, answer: DescribeTaskQueueResponse) -> QueueSummary:
    pollers = (Poller(one.identity, one.last_access_time.ToDatetime(tzinfo=UTC)) for one in answer.pollers)
    return QueueSummary(
        name,
        kind,
        tuple(sorted(pollers, key=lambda one: one.heard_at, reverse=True)),
        answer.stats.approximate_backlog_count,
        answer.stats.approximate_backlog_age.ToTimedelta().total_seconds(),
    )
