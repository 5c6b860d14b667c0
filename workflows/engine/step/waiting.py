"""Waiting that has a deadline, and that an operator may cut short."""

from __future__ import annotations

import asyncio
from datetime import datetime
from functools import partial
from typing import TypeVar

from advanced_workflow.workflows.contract import SkipReason
from advanced_workflow.workflows.engine.people.remedies import Skip, Waiter
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.failures import StepSkipped
from advanced_workflow.workflows.engine.step.outputs import require_fitting
from advanced_workflow.workflows.engine.temporal.clock import answer_before, moment_after
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339

Answer = TypeVar("Answer")


async def wait_or_skip(
    step: StepContext, answer: asyncio.Future[Answer | None], deadline: datetime | None, summary: str
) -> Answer | None:
    """Wait for the answer, or until the deadline, which gives None. Raises `StepSkipped` on `skip_step`."""
    skip: asyncio.Future[Skip] = asyncio.get_running_loop().create_future()
    skip.add_done_callback(lambda _: None if answer.done() else answer.set_result(None))
    step.run.operations.waiting[step.path] = Waiter(skip, partial(require_fitting, step))
    try:
        result = await answer_before(answer, deadline, summary)
    finally:
        step.run.operations.waiting.pop(step.path, None)
    if skip.done():
        raise StepSkipped(SkipReason.BY_OPERATOR, skip.result())
    skip.cancel()
    return result


async def sleep_or_skip(step: StepContext, until: datetime | None, summary: str) -> None:
    """Wait until a time. Raises `StepSkipped` on `skip_step`."""
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    await wait_or_skip(step, never, until, summary)


def deadline_in(step: StepContext, seconds: float | None) -> datetime | None:
    """When this step's wait ends, the same moment also after the run continued as new."""
    if seconds is None:
        return None
    until: str = step.record.cursor.setdefault("until", moment_after(seconds).isoformat())
    return parse_rfc3339(until)
