"""How runs are asked what they left, and the server what it knows of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.workflows.contract import QUERY_EFFECTS, Effects, EffectsRequest, Json

_ANSWER_TIMEOUT = timedelta(seconds=50)
"""Of the query: the worker replays the history first."""


async def effects_of(handle: WorkflowHandle[Any, Any], *, completed: bool, page: int | None = None) -> Effects:
    """Ask a run that has ended; `page` as in `EffectsRequest`."""
    asked = EffectsRequest(completed=completed, page=page).model_dump(mode="json")
    answer: Json = await handle.query(QUERY_EFFECTS, asked, rpc_timeout=_ANSWER_TIMEOUT)
    return Effects.model_validate(answer, extra="ignore")


async def description_of(client: Client, id: str, run_id: str | None) -> WorkflowExecutionDescription | None:
    """What the server says of a run, the latest of its id without `run_id`; None where it knows none."""
    try:
        return await client.get_workflow_handle(id, run_id=run_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
