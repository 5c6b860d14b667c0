"""How an activity asks a run what it left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from temporalio.client import WorkflowHandle

from advanced_workflow.workflows.contract import QUERY_EFFECTS, Effects, EffectsRequest, Json

_ANSWER_TIMEOUT = timedelta(seconds=50)
"""Of the query: the worker replays the history first."""


async def effects_of(handle: WorkflowHandle[Any, Any], *, completed: bool, page: int | None = None) -> Effects:
    """Ask a run that has ended; `page` as in `EffectsRequest`."""
    asked = EffectsRequest(completed=completed, page=page).model_dump(mode="json")
    answer: Json = await handle.query(QUERY_EFFECTS, asked, rpc_timeout=_ANSWER_TIMEOUT)
    return Effects.model_validate(answer, extra="ignore")
