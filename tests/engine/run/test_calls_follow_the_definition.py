"""A law: whatever a definition says of a call, that is what the server is told, in each attempt, round, copy and history."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from temporalio.api.history.v1 import ActivityTaskScheduledEventAttributes
from temporalio.bridge.proto.workflow_commands import ScheduleActivity

from tests.engine.alone import Alone, cancel
from tests.engine.stage import act, deed, fan, loop
from tests.examples import profile
from tests.harness import definition
from tests.laws.calls import broken_calls
from tests.laws.stories import Call, Known, Story

SECONDS = st.sampled_from([0.5, 5, 11, 70, 400])
RETRIES = st.fixed_dictionaries(
    {},
    optional={
        "max_attempts": st.integers(1, 4),
        "backoff_strategy": st.sampled_from(["fixed", "linear", "exponential"]),
        "delay": SECONDS,
        "backoff_multiplier": st.sampled_from([1.0, 1.5, 3.0]),
        "max_delay": SECONDS,
        "jitter": st.sampled_from([0.0, 0.2]),
        "non_retryable": st.sampled_from([["Timeout"], ["Broken", "WorkerLost"], []]),
        "circuit_breaker": st.sampled_from([{}, {"failure_threshold": 2}, {"timeout": 7}]),
    },
)
POLICY = st.fixed_dictionaries(
    {},
    optional={
        "timeout": SECONDS,
        "total_timeout": SECONDS,
        "queue_timeout": SECONDS,
        "heartbeat_timeout": SECONDS,
        "rollback_timeout": SECONDS,
        "agent_capability": st.just("elsewhere"),
        "retry_policy": RETRIES,
    },
)


@given(st.lists(POLICY, min_size=4, max_size=4), RETRIES, st.booleans())
@profile(30)
def test_calls_follow_the_definition(policies: list[dict[str, Any]], defaults: dict[str, Any], beats: bool) -> None:
    one, two, three, four = policies
    called = definition(
        deed("a", **one),
        loop("again", after=["a"], rounds=2, rollback_actions=["undo", "more"], **two),
        fan("each", "[1, 2]", deed("x", **three), after=["again"]),
        act("last", "each", **four),
        retry_policy=defaults,
    )
    alone = Alone(called, beating=["work", "undo"] if beats else [])
    while list(alone.asked) != ["last"]:
        alone.now += alone.now.resolution * 7_000_000
        alone.complete(next(iter(alone.asked)))
    alone.tell(cancel())
    while not alone.end:
        alone.complete(next(iter(alone.asked)))
    alone.leave()

    assert len(alone.calls) == 1 + 2 + 2 + 1 + 2 + 4 + 1
    assert list(broken_calls(_story(alone, called))) == []


def _story(alone: Alone, called: dict[str, Any]) -> Story:
    known = Known(alone.run_id, beating=frozenset(alone.beating))
    known.describe(called)
    story = Story("alone", alone.run_id, "AdvancedWorkflow", "alone", known, continues=False)
    story.calls = [Call(number, 0, _as_scheduled(one)) for number, one in enumerate(alone.calls)]
    return story


def _as_scheduled(command: ScheduleActivity) -> ActivityTaskScheduledEventAttributes:
    """As the server writes it down: no time is longer than that of all attempts."""
    scheduled = ActivityTaskScheduledEventAttributes(activity_id=command.activity_id)
    scheduled.activity_type.name, scheduled.task_queue.name = command.activity_type, command.task_queue
    scheduled.retry_policy.CopyFrom(command.retry_policy)
    for name, payload in command.headers.items():
        scheduled.header.fields[name].CopyFrom(payload)
    total = command.schedule_to_close_timeout.ToTimedelta()
    for name in ("schedule_to_close", "schedule_to_start", "start_to_close", "heartbeat"):
        given = getattr(command, f"{name}_timeout").ToTimedelta()
        if name == "schedule_to_start" and total:
            given = given or total
        getattr(scheduled, f"{name}_timeout").FromTimedelta(min(given, total) if total else given)
    bound = scheduled.start_to_close_timeout.ToTimedelta()
    scheduled.heartbeat_timeout.FromTimedelta(min(scheduled.heartbeat_timeout.ToTimedelta(), bound))
    return scheduled
