"""Durable time: the run's clock and waits with a bound."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import workflow

from advanced_workflow.workflows.definition.model.results import LONGEST_SECONDS
from advanced_workflow.workflows.engine.temporal.outgoing import outgoing, size_of_texts
from advanced_workflow.workflows.engine.temporal.task_work import EVENTS_OF_TASK, task_work
from advanced_workflow.workflows.plain.rfc3339 import rfc3339
from advanced_workflow.workflows.plain.text import markdown

Answer = TypeVar("Answer")
_EVENTS = 2 + EVENTS_OF_TASK
"""Of a timer: that it was started and fired, and the workflow task that it began."""


def timestamp(moment: datetime | None = None) -> str:
    """RFC 3339 in UTC with milliseconds; the run's own time unless one is given."""
    return rfc3339(moment or workflow.now())


def moment_after(seconds: float) -> datetime:
    """The moment so many seconds from now: none for less than zero, and ten years at most, whatever the number is."""
    return workflow.now() + timedelta(seconds=min(seconds, LONGEST_SECONDS) if seconds > 0 else 0)


async def sleep_until(deadline: datetime, summary: str) -> None:
    """Sleep on a durable timer that carries the summary; a time in the past does not wait."""
    left = deadline - workflow.now()
    if left > timedelta(0):
        shown = markdown(summary)
        outgoing().count(size_of_texts(shown))
        mark = task_work().mark()
        await workflow.sleep(left, summary=shown)
        task_work().answered(mark)
        task_work().events.add(_EVENTS)


async def answer_before(
    answer: asyncio.Future[Answer | None], deadline: datetime | None, summary: str
) -> Answer | None:
    """Wait for the answer, or until the deadline, which gives None. The timer ends with the wait."""
    if deadline is None:
        return await answer

    async def expire() -> None:
        await sleep_until(deadline, summary)
        if not answer.done():
            answer.set_result(None)

    timer = asyncio.ensure_future(expire())
    try:
        return await answer
    finally:
        timer.cancel()
