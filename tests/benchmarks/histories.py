"""The histories of a run: those it continued in as new, and those of its children."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from temporalio.client import Client, WorkflowHandle, WorkflowHistory

from tests.harness import _later_runs

Handle = WorkflowHandle[Any, Any]


@dataclass(frozen=True)
class Size:
    """Of all histories of one run together."""

    events: float
    bytes: float
    """As the server counts them."""
    histories: float
    longest: float
    """Events of the longest one."""


async def histories_of(client: Client, handle: Handle) -> AsyncIterator[tuple[WorkflowHistory, int]]:
    """Each history with its size in bytes, in the order of the chain; children follow."""
    waiting = [(handle.id, handle.first_execution_run_id)]
    while waiting:
        workflow_id, run_id = waiting.pop(0)
        execution = client.get_workflow_handle(workflow_id, run_id=run_id)
        history = await execution.fetch_history()
        described = await execution.describe()
        yield history, described.raw_description.workflow_execution_info.history_size_bytes
        waiting += _later_runs(history)


async def size_of(client: Client, handle: Handle) -> Size:
    """How large a run's histories are."""
    sizes = [(len(history.events), size) async for history, size in histories_of(client, handle)]
    events, all_bytes = zip(*sizes, strict=True)
    return Size(sum(events), sum(all_bytes), len(sizes), max(events))
