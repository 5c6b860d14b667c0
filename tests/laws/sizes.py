"""The law of sizes: no workflow task sends more than the server takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

SERVER_LIMIT = 4 * 1024 * 1024
"""Bytes of one workflow task's answer; the server ends a run that sends more."""


def sent_by_tasks(events: Iterable[HistoryEvent]) -> Counter[int]:
    """Bytes of the events that came of each workflow task, by the id of its completion."""
    sent: Counter[int] = Counter()
    for event in events:
        attributes = getattr(event, event.WhichOneof("attributes") or "", None)
        task: int = getattr(attributes, "workflow_task_completed_event_id", 0)
        if task:
            sent[task] += event.ByteSize()
    return sent


def largest_task(events: Iterable[HistoryEvent]) -> int:
    """Bytes of the task that sent most."""
    return max(sent_by_tasks(events).values(), default=0)


def broken_sizes(history: WorkflowHistory) -> Iterator[str]:
    """Which tasks sent too much."""
    for task, size in sent_by_tasks(history.events).items():
        if size >= SERVER_LIMIT:
            yield f"the workflow task that ended with event {task} sent {size:,} bytes"
