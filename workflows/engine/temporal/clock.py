"""Durable time: the run's clock and waits with a bound."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from temporalio import workflow

Answer = TypeVar("Answer")


def timestamp(moment: datetime | None = None) -> str:
    """RFC 3339 in UTC with milliseconds; the run's own time unless one is given."""
    return (moment or workflow.now()).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_timestamp(text: str) -> datetime:
    """Read RFC 3339; a time without a zone is UTC. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


async def sleep_until(deadline: datetime, summary: str) -> None:
    """Sleep on a durable timer that carries the summary; a time in the past does not wait."""
    left = deadline - workflow.now()
    if left > timedelta(0):
        await workflow.sleep(left, summary=summary)


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
