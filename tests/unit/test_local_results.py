"""A worker keeps the results of local activities for which their run has no room yet."""

from __future__ import annotations

import dataclasses

import pytest
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.worker import local_results
from advanced_workflow.activities.worker.local_results import LocalResults
from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES, LocalRoom
from advanced_workflow.workflows.engine.temporal.outgoing import kept_bytes

SMALL = LocalRoom(room=100, limit=PAYLOAD_LIMIT_BYTES)
AGAIN = LocalRoom(room=1_000, limit=PAYLOAD_LIMIT_BYTES, again=True)


class Worker:
    """Calls an action as local activities, and notes how often it ran."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.calls = 0
        self.results = LocalResults()

    async def call(self, room: LocalRoom, activity_id: str = "a") -> object:
        async def action() -> str:
            self.calls += 1
            return "x" * self.size

        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, activity_id=activity_id)
        return await environment.run(self.results.call, room, action)


def kept(result: object) -> int | None:
    return kept_bytes(result) if isinstance(result, RawValue) else None


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_results, "MOST_BYTES", 2_000)


async def test_a_result_that_fits_is_given_as_it_is() -> None:
    assert await Worker(98).call(SMALL) == "x" * 98


async def test_a_larger_one_is_kept_and_given_when_it_is_asked_for_however_often() -> None:
    worker = Worker(500)

    assert kept(await worker.call(SMALL)) == 502
    for _ in range(2):
        given = await worker.call(AGAIN)
        assert isinstance(given, RawValue)
        assert (kept(given), given.payload.data) == (None, b'"' + b"x" * 500 + b'"')
    assert worker.calls == 1


async def test_a_step_that_runs_again_calls_its_action_again() -> None:
    worker = Worker(500)
    await worker.call(SMALL)

    assert kept(await worker.call(SMALL)) == 502
    assert worker.calls == 2


async def test_what_was_dropped_is_made_again(little_room: None) -> None:
    worker = Worker(900)
    for activity_id in ("a", "b", "c"):
        await worker.call(SMALL, activity_id)

    assert await worker.call(AGAIN, "a") == "x" * 900, "it is given at once, as there is room now"
    await worker.call(AGAIN, "c")
    assert worker.calls == 4


async def test_what_is_over_the_limit_is_refused_and_what_the_storage_takes_is_given() -> None:
    with pytest.raises(ApplicationError, match="2,000,002 bytes and the limit is 1,000,000"):
        await Worker(2_000_000).call(LocalRoom(room=100, limit=1_000_000))
    stored = await Worker(PAYLOAD_LIMIT_BYTES).call(LocalRoom(room=100, limit=8 * PAYLOAD_LIMIT_BYTES))
    assert isinstance(stored, str)
