"""Asking runs that have ended, also where the server lets nobody ask them.

It passes no query on while a run's workflow task fails, and it does not either once such a run was terminated. What the run did must be
readable all the same, as it is undone from its history; so its history is replayed here.
"""

from __future__ import annotations

import dataclasses
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from temporalio.client import (
    Client,
    Interceptor,
    OutboundInterceptor,
    QueryWorkflowInput,
    WorkflowExecutionStatus,
)
from temporalio.service import RPCError

TASK_FAILS = "Workflow Task in failed state"
"""The server's word on a query of a run whose workflow task was last tried often, though it may have ended since."""
NO_TASK = "closed before WorkflowTaskStarted"
"""And of one that ended before the first workflow task of its last history was completed."""


@dataclass
class Reading:
    """How a question is answered."""

    here: bool = False
    """The run's history is being read here, which may take a while."""


READING: ContextVar[Reading | None] = ContextVar("READING", default=None)
"""Where whoever asks can see how it is answered."""


def reads_histories(client: Client) -> Client:
    """The same client, which answers a query of an ended run from its history where the server does not pass it on."""
    config = client.config()
    if any(isinstance(one, _FromHistories) for one in config["interceptors"]):
        return client
    config["interceptors"] = [*config["interceptors"], _FromHistories(client)]
    return Client(**config)


class _FromHistories(Interceptor):
    def __init__(self, client: Client) -> None:
        self._client = client

    def intercept_client(self, next: OutboundInterceptor) -> OutboundInterceptor:
        return _Queries(next, self._client)


class _Queries(OutboundInterceptor):
    def __init__(self, next: OutboundInterceptor, client: Client) -> None:
        super().__init__(next)
        self._client = client

    async def query_workflow(self, input: QueryWorkflowInput) -> Any:  # noqa: ANN401 - as in the SDK
        try:
            return await self.next.query_workflow(input)
        except RPCError as error:
            if not any(one in error.message for one in (TASK_FAILS, NO_TASK)):
                raise
            handle = self._client.get_workflow_handle(input.id, run_id=input.run_id)
            if (await handle.describe()).status is WorkflowExecutionStatus.RUNNING:
                raise
            if (reading := READING.get()) is not None:
                reading.here = True
            # Only for those who need it: it imports the engine.
            from advanced_workflow.client.service.replayed import Continues, answer_of

            try:
                return await answer_of(self._client, await handle.fetch_history(), input)
            except Continues as history:
                return await self.query_workflow(dataclasses.replace(input, run_id=history.run_id))
