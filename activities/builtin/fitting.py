"""Built-in activity that checks data by a JSON Schema where that takes longer than a workflow task may."""

from __future__ import annotations

import asyncio
from typing import Any

from temporalio import activity

from advanced_workflow.workflows.contract import FITS_ACTIVITY
from advanced_workflow.workflows.definition.schema import value_problems


@activity.defn(name=FITS_ACTIVITY)
async def fits(schema: Any, value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Say where a value does not fit a schema. It is counted here too: seconds of a thread at most, and the worker serves on."""
    return await asyncio.to_thread(value_problems, schema, value)
