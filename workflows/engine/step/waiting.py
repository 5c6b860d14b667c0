"""Waiting that an operator may cut short."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Literal, TypeVar

from advanced_workflow.workflows.contract import SkipReason
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.failures import StepSkipped
from advanced_workflow.workflows.engine.temporal.clock import answer_before

Answer = TypeVar("Answer")


async def wait_or_skip(
    step: StepContext, answer: asyncio.Future[Answer | None], deadline: datetime | None, summary: str
) -> Answer | None:
    """Wait for the answer, or until the deadline, which gives None. Raises `StepSkipped` on `skip_step`."""
    skip: asyncio.Future[Literal["skip"]] = asyncio.get_running_loop().create_future()
    skip.add_done_callback(lambda _: None if answer.done() else answer.set_result(None))
    step.run.operations.waiting[step.path] = skip
    try:
        result = await answer_before(answer, deadline, summary)
    finally:
        step.run.operations.waiting.pop(step.path, None)
    if skip.done():
        raise StepSkipped(SkipReason.BY_OPERATOR)
    skip.cancel()
    return result
