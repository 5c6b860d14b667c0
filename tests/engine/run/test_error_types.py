"""The error types that the platform makes work in `non_retryable` and in `error_handlers`; actions of ours are known to give signs of life."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio import activity

from advanced_workflow.activities.action.decorator import action, action_of
from tests.harness import Harness, definition, eventually, outcome_of
from tests.patience import PATIENCE_SECONDS, TooSlow, given_time, never_ends


def slow(*, times: int, **more: Any) -> Any:
    policy = {"max_attempts": 3, "delay": 0.1, **more.pop("retry_policy", {})}
    return {"step_id": "slow", "action": "slow", "retry_policy": policy, "timeout": times, **more}


class Hanging:
    """An activity that gives no sign of life and no answer, whatever worker serves it."""

    def __init__(self) -> None:
        self.calls = 0

    @property
    def activities(self) -> list[Any]:
        @activity.defn(name="slow")
        async def hang(given: Any = None) -> None:
            self.calls += 1
            await never_ends()

        return [hang]


CASES = [("Timeout", "timeout"), ("HeartbeatTimeout", "heartbeat_timeout"), ("TotalTimeout", "total_timeout")]


@pytest.mark.parametrize(("kind", "limit"), CASES)
async def test_a_timeout_is_not_tried_again_where_its_type_is_named(harness: Harness, kind: str, limit: str) -> None:
    async def once(seconds: float) -> None:
        hanging = Hanging()
        step = slow(
            times=PATIENCE_SECONDS,
            retry_policy={"non_retryable": [kind]},
            error_handlers=[{"handler": "heard", "on": [kind]}],
        )
        heard = {"step_id": "heard", "step_type": "wait", "wait": {"seconds": 0.01}}
        async with harness.worker(activities=hanging.activities):
            outcome = await outcome_of(await harness.start(definition({**step, limit: seconds}, heard)), state=True)

        if not hanging.calls:
            raise TooSlow
        assert outcome.failure is None, outcome.message
        assert outcome.status_of("heard") == "completed"
        assert outcome.state is not None
        [failed] = [one for one in outcome.state.steps if one.path == "slow"]
        assert failed.error_info is not None
        assert failed.error_info.type == kind
        assert hanging.calls == 1

    await given_time(once, 0.5)


async def test_a_step_whose_worker_was_stopped_is_not_tried_again_where_that_is_named(harness: Harness) -> None:
    hanging = Hanging()
    async with harness.worker(activities=hanging.activities):
        run = await harness.start(definition(slow(times=20, retry_policy={"non_retryable": ["WorkerLost"]})))
        await eventually(lambda: hanging.calls)
    async with harness.worker(activities=hanging.activities):
        outcome = await outcome_of(run)

    assert outcome.report.error is not None
    assert outcome.report.error.type == "WorkerLost"
    assert hanging.calls == 1


async def test_actions_of_the_runs_own_workers_have_a_default_heartbeat_timeout(harness: Harness) -> None:
    def work(given: Any = None) -> None: ...

    described = action_of(action(name="work")(work))
    assert described is not None
    steps = (
        {"step_id": "ours", "action": "work"},
        {"step_id": "said", "action": "work", "heartbeat_timeout": 7},
        {"step_id": "short", "action": "work", "timeout": 5},
        {"step_id": "foreign", "action": "work", "agent_capability": harness.task_queue},
        {"step_id": "unknown", "action": "other"},
    )
    async with harness.worker({"work": work, "other": work}, catalog={"work": described.info()}):
        run = await harness.start(definition(*steps))
        outcome = await outcome_of(run)
    history = await run.handle.fetch_history()
    found = [one.activity_task_scheduled_event_attributes for one in history.events]
    beats = {one.activity_id: one.heartbeat_timeout.ToTimedelta().total_seconds() for one in found if one.activity_id}

    assert outcome.failure is None, outcome.message
    assert beats == {"ours": 10, "said": 7, "short": 0, "foreign": 0, "unknown": 0}
