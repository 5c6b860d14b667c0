"""The law of what a workflow task sends, tried without a server: whatever is asked for, in whatever order, all of it is sent, and no task
sends more than it may."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.exceptions import ApplicationError

from advanced_workflow.activities.worker.failures import fitting
from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES
from advanced_workflow.workflows.engine.state import task_budget
from advanced_workflow.workflows.engine.state.task_budget import LOCAL_ROOM_BYTES, TaskBudget
from advanced_workflow.workflows.engine.temporal import outgoing
from advanced_workflow.workflows.engine.temporal.outgoing import COMMAND_BYTES, TASK_LIMIT_BYTES, Outgoing
from advanced_workflow.workflows.engine.temporal.task_work import TaskWork
from tests.examples import profile
from tests.patience import PATIENCE_SECONDS

SIZES = st.one_of(st.integers(0, 1_000), st.integers(0, 200_000), st.integers(1_000_000, PAYLOAD_LIMIT_BYTES))


@dataclass(frozen=True)
class Send:
    size: int
    local: bool
    """Whether it is the result of a local activity."""
    before: int
    """Turns of the loop until it asks."""
    lasts: int
    """Turns of the loop that a local activity takes."""


SENDS = st.lists(st.builds(Send, SIZES, st.booleans(), st.integers(0, 6), st.integers(1, 6)), max_size=40)


class Tasks:
    """A run whose workflow task ends once its local activities have."""

    def __init__(self) -> None:
        self.number = 1
        self.sent: Counter[int] = Counter()
        self.running = 0
        self.work = TaskWork()
        self.outgoing = Outgoing()
        self.budget = TaskBudget()

    async def next_task(self, why: str) -> None:
        assert why
        number, mark = self.number, self.work.mark()
        while self.running:  # noqa: ASYNC110 - turns of the loop are this run's clock
            await asyncio.sleep(0)
        self.number = number + 1
        self.work.answered(mark)

    async def send(self, one: Send) -> None:
        await turns(one.before)
        if not one.local:
            await self.budget.room_for(one.size + COMMAND_BYTES)
            self.outgoing.count(one.size + COMMAND_BYTES)
            self.sent[self.number] += one.size + COMMAND_BYTES
            return
        await self._local(LOCAL_ROOM_BYTES, min(one.size, LOCAL_ROOM_BYTES) if fits(one) else 4, one.lasts)
        if not fits(one):
            await self._local(one.size, one.size, one.lasts)

    async def _local(self, room: int, size: int, lasts: int) -> None:
        await self.budget.room_for(room)
        self.outgoing.hold(room)
        self.running += 1
        await turns(lasts)
        self.running -= 1
        self.outgoing.came(room, size)
        self.sent[self.number] += size


def fits(one: Send) -> bool:
    return one.size <= LOCAL_ROOM_BYTES


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


async def quiet(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)


@profile(60)
@given(sends=SENDS)
async def test_all_that_is_asked_for_is_sent_and_no_task_sends_too_much(sends: list[Send]) -> None:
    tasks = Tasks()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outgoing, "task_work", lambda: tasks.work)
        patch.setattr(task_budget, "outgoing", lambda: tasks.outgoing)
        patch.setattr(task_budget, "next_task", tasks.next_task)
        patch.setattr(task_budget, "quiet", quiet)
        patch.setattr(task_budget, "patched", lambda _: True)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(tasks.send(one) for one in sends))

    assert max(tasks.sent.values(), default=0) <= TASK_LIMIT_BYTES
    wanted = sum(one.size for one in sends)
    assert sum(tasks.sent.values()) >= wanted
    # Two tasks that follow one another send more than one value's worth of room together: none ends for nothing.
    assert tasks.number <= 2 + wanted // (PAYLOAD_LIMIT_BYTES // 8) + 2 * sum(not fits(one) for one in sends)


def test_a_failure_of_a_local_activity_takes_no_more_than_its_room() -> None:
    large = ApplicationError("no", {"effect": "unknown", "text": "x" * 200_000}, type="Broken", non_retryable=True)
    caused = ApplicationError("no", type="Broken")
    caused.__cause__ = large

    told = [fitting(one, LOCAL_ROOM_BYTES) for one in (large, caused)]

    assert [isinstance(one, ApplicationError) and (one.type, one.details) for one in told] == [
        ("Broken", ({"effect": "unknown"},)),
        ("Broken", ()),
    ]
    assert told[1].__cause__ is None
    small = ValueError("no")
    assert fitting(small, LOCAL_ROOM_BYTES) is small
