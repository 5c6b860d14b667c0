"""Each law sees its breach: a stored history that keeps them all is changed in one place."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from tests.laws.laws import broken
from tests.replay.fresh import histories_in, read_history

STORED = Path(__file__).parents[1] / "replay" / "histories"
Change = Callable[[list[HistoryEvent]], object]


def stored(name: str) -> WorkflowHistory:
    return read_history(STORED / f"{name}.json")


def scheduled(events: list[HistoryEvent], activity_id: str) -> Any:
    found = (one.activity_task_scheduled_event_attributes for one in events)
    return next(one for one in found if one.activity_id == activity_id)


def took(field: str, activity_id: str, seconds: float) -> Change:
    return lambda events: getattr(scheduled(events, activity_id), field).FromTimedelta(timedelta(seconds=seconds))


def retried(field: str, activity_id: str, seconds: float) -> Change:
    return lambda events: getattr(scheduled(events, activity_id).retry_policy, field).FromTimedelta(
        timedelta(seconds=seconds)
    )


def named(activity_id: str, name: str) -> Change:
    return lambda events: setattr(scheduled(events, activity_id), "activity_id", name)


def without(*numbers: int) -> Change:
    """Without these events; the others keep their numbers."""

    def change(events: list[HistoryEvent]) -> None:
        events[:] = [one for one in events if one.event_id not in numbers]

    return change


def moved(number: int, before: int) -> Change:
    """One event comes before another, and has a number from there."""

    def change(events: list[HistoryEvent]) -> None:
        event = next(one for one in events if one.event_id == number)
        place = next(index for index, one in enumerate(events) if one.event_id == before)
        events.remove(event)
        events.insert(place, event)
        for one in events:
            if one.HasField("activity_task_completed_event_attributes"):
                done = one.activity_task_completed_event_attributes
                done.scheduled_event_id = before - 1 if done.scheduled_event_id == number else done.scheduled_event_id
        event.event_id = before - 1

    return change


def defined(**fields: Any) -> Change:
    """Another definition."""

    def change(events: list[HistoryEvent]) -> None:
        payload: Payload = events[0].workflow_execution_started_event_attributes.input.payloads[0]
        argument = json.loads(payload.data)
        argument["workflow"].update(fields)
        payload.data = json.dumps(argument).encode()

    return change


def reported(change: Callable[[dict[str, Any]], object]) -> Change:
    """Another report of the run that failed."""

    def changed(events: list[HistoryEvent]) -> None:
        failure = events[-1].workflow_execution_failed_event_attributes.failure
        payload: Payload = failure.application_failure_info.details.payloads[0]
        report = json.loads(payload.data)
        change(report)
        payload.data = json.dumps(report).encode()

    return changed


BREACHES: list[tuple[str, Change, str]] = [
    ("sequential", took("start_to_close_timeout", "second", 299), "timeout is 299 s, not 300"),
    ("sequential", took("heartbeat_timeout", "second", 5), "heartbeat_timeout is 5 s, not 0"),
    ("sequential", retried("initial_interval", "second", 2), "delay is 2 s, not 1"),
    ("worker_on_a_capability_queue", took("schedule_to_start_timeout", "look", 0), "queue_timeout is 0 s, not 300"),
    ("sequential", named("second", "third"), "'third' is not a path"),
    ("for_each", named("fan[0].turn", "fan.turn"), "'fan.turn' is not a path"),
    ("sequential_cancelled", retried("maximum_interval", "hangs.rollback[0]", 3600), "longest delay is 3600 s, not 60"),
    ("sequential_cancelled", took("schedule_to_close_timeout", "first.rollback[0]", 60), "rollback_timeout is 60 s"),
    ("saga_with_a_failing_undo", without(9), "a had not ended when the run did"),
    ("saga_with_a_failing_undo", defined(max_parallel_steps=1), "2 calls ran at a time"),
    ("saga_with_a_failing_undo", without(47, 48, 49), "a completed, and a.rollback[0] was neither called"),
    ("saga_with_a_failing_undo", without(49), "a.rollback[0] is reported as undone and did not complete"),
    ("saga_with_a_failing_undo", named("c.rollback[0]", "a.rollback[0]"), "a.rollback[0] ran again"),
    ("saga_with_a_failing_undo", moved(47, 30), "a was undone before"),
    (
        "saga_with_a_failing_undo",
        reported(lambda report: report["rollback"].update(complete=True)),
        "complete: True, and 1",
    ),
    ("saga_with_a_failing_undo", reported(lambda one: one["steps"]["a"].update(status="running")), "a is running"),
    ("sequential_cancelled", moved(28, 21), "hangs.rollback[0] began while hangs ran"),
]


@pytest.mark.parametrize(("name", "change", "expected"), BREACHES)
def test_a_breach_is_told(name: str, change: Change, expected: str) -> None:
    history = stored(name)
    events = list(history.events)
    change(events)

    found = broken([WorkflowHistory(history.workflow_id, events)])

    assert any(expected in one for one in found), found


def test_a_later_history_says_whose_keys_its_calls_have() -> None:
    first, later = stored("sequential"), stored("sequential")
    first.events[-1].event_type = EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CONTINUED_AS_NEW
    continued = first.events[-1].workflow_execution_continued_as_new_event_attributes
    continued.new_execution_run_id = "another"
    later.events[0].workflow_execution_started_event_attributes.original_execution_run_id = "another"

    assert any("second: execution id is 'another'" in one for one in broken([first, later]))


@pytest.mark.parametrize("file", histories_in(STORED), ids=lambda file: file.stem)
def test_what_is_stored_is_lawful(file: Path) -> None:
    assert broken([read_history(file)]) == []
