"""What tests rely on where time is concerned: a slow machine is told from a fault."""

from __future__ import annotations

import asyncio

import pytest

from tests.harness import Harness, definition, outcome_of
from tests.laws import held
from tests.laws.laws import require_lawful
from tests.patience import TooSlow, given_time, jump, never_ends, require_in_time

ONCE = {"max_attempts": 1}


@pytest.mark.parametrize(("enough", "given"), [(0, [1]), (10, [1, 4, 16]), (1000, [1, 4, 16, 64])])
async def test_what_was_too_slow_is_given_more_time_and_fails_in_the_end(enough: int, given: list[int]) -> None:
    seen: list[float] = []

    async def once(seconds: float) -> None:
        seen.append(seconds)
        if seconds < enough:
            raise TooSlow

    if enough > given[-1]:
        with pytest.raises(TooSlow):
            await given_time(once, 1)
    else:
        await given_time(once, 1)
    assert seen == given


async def test_what_fails_otherwise_fails_at_once() -> None:
    seen: list[float] = []

    async def once(seconds: float) -> None:
        seen.append(seconds)
        raise AssertionError

    with pytest.raises(AssertionError):
        await given_time(once, 1)
    assert seen == [1]


async def test_an_attempt_that_was_to_answer_in_time_is_told_from_one_that_never_ends(harness: Harness) -> None:
    async def late() -> None:
        await asyncio.sleep(1)

    limits = {"timeout": 0.2, "retry_policy": ONCE}
    async with harness.worker({"hangs": never_ends, "late": late}):
        first = await outcome_of(await harness.start(definition({"step_id": "hangs", **limits})))
        hung = await harness.histories()
        second = await outcome_of(await harness.start(definition({"step_id": "late", **limits})))

    assert (first.failure, second.failure) == ("WorkflowFailed", "WorkflowFailed")
    require_in_time(hung)
    with pytest.raises(TooSlow, match="late"):
        require_in_time(await harness.histories())


async def test_a_task_that_holds_its_thread_breaks_a_law(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held, "LONGEST_SECONDS", 0)
    await harness.run(definition({"step_id": "a"}), actions={"a": lambda: None})

    with pytest.raises(AssertionError, match="a task took"):
        require_lawful([])


async def test_what_waits_for_a_time_is_due_after_a_jump() -> None:
    waiting = asyncio.ensure_future(asyncio.sleep(3600))
    await asyncio.sleep(0)
    jump(3600)

    await waiting
