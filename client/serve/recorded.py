"""What a worker reads in a run's history while it does a workflow task: which local activities had ended when a query was answered."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from concurrent.futures import TimeoutError as Late
from datetime import timedelta

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import GetWorkflowExecutionHistoryReverseRequest
from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.workflow import Info

from advanced_workflow.workflows.engine.temporal.local_ends import local_ends

MOST_EVENTS = 500
"""Of one workflow task; beyond it the task is rather done again."""
LONGEST = timedelta(seconds=1)
"""The SDK takes a workflow task that lasts two seconds for one that hangs."""


class ReadsEnds:
    """Reads the newest events of a run. Made where the worker's event loop runs."""

    def __init__(self, client: Client) -> None:
        """The worker's own client."""
        self._client = client
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()

    def __call__(self, run: Info, after: int, up_to: int) -> Collection[int] | None:
        """The numbers of the local activities that these events end, or none where they cannot be read in time. Waits in its thread."""
        if threading.get_ident() == self._thread:
            return None  # A worker in debug mode does workflow tasks in its event loop.
        reading = asyncio.run_coroutine_threadsafe(self._read(run, after, up_to), self._loop)
        try:
            return reading.result(LONGEST.total_seconds())
        except (RPCError, Late):
            reading.cancel()
            return None

    async def _read(self, run: Info, after: int, up_to: int) -> Collection[int] | None:
        if up_to - after > MOST_EVENTS:
            return None
        newest = await self._client.workflow_service.get_workflow_execution_history_reverse(
            GetWorkflowExecutionHistoryReverseRequest(
                namespace=run.namespace,
                execution=WorkflowExecution(workflow_id=run.workflow_id, run_id=run.run_id),
                maximum_page_size=up_to - after,
            ),
            timeout=LONGEST,
        )
        events = newest.history.events
        is_whole = bool(events) and events[-1].event_id <= after + 1
        return frozenset(local_ends(one for one in events if one.event_id > after)) if is_whole else None
