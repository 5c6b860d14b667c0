"""Laws on single calls: what is called is what the definition says there, on its queue, with its times and retries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from google.protobuf.duration_pb2 import Duration

from tests.laws.stories import HTTP, UNDO, Call, Definition, Known, Story, json_of

_PART = re.compile(r"(?:(?P<owner>[\w-]+)!)?(?P<step>[\w-]+)(?P<number>\[\d+\]|#\d+)?")
_NEAR = 0.001
_BEAT = 10.0
_CAPABILITY_QUEUE = 300.0
_FOR_EVER = 9 * 365 * 24 * 3600
"""Seconds; the server that skips time writes so for what has no bound."""
_SERVER_NAMES = {
    "Timeout": "TemporalTimeout:StartToClose",
    "HeartbeatTimeout": "TemporalTimeout:Heartbeat",
    "WorkerLost": "WorkerShutdown",
}


def broken_calls(story: Story) -> Iterator[str]:
    """What is wrong with the calls for steps and their undo actions."""
    if story.known.definition is None:
        return
    seen: set[str] = set()
    for call in story.deeds():
        found = UNDO.fullmatch(call.id)
        path = found["path"] if found else call.id
        step = _step_at(story.known, path)
        if step is None:
            yield f"activity id {call.id!r} is not a path of the definition"
            continue
        wrong = _wrong_undo(story, call, step, int(found["number"])) if found else _wrong_call(story, call, step, seen)
        yield from (f"{call.id}: {one}" for one in wrong)
        seen.add(call.id)


def _step_at(known: Known, path: str) -> Definition | None:
    """The step at a path that keeps to the grammar: each part is nested in the one before, and only what repeats has a number."""
    around, step = "", None
    if (tool := known.tool_at(path)) is not None:
        # The call of an agent's tool has a number of its own, what an orchestrator runs has not.
        around = re.fullmatch(r"(.+)\[\d+\]\.[\w-]+?(#\d+)?", path)
        owner = _step_at(known, around[1]) if around is not None else None
        numbered = around is not None and around[2] is not None
        return tool if owner is not None and numbered == (owner.get("agent") is not None) else None
    texts = path.split(".")
    for place, text in enumerate(texts):
        part = _PART.fullmatch(text)
        step = known.steps.get(part["step"]) if part else None
        if part is None or step is None or known.around.get(part["step"], "") != around:
            return None
        if part["owner"] and not any(_names(one) == part["step"] for one in _handlers(known.steps[part["owner"]])):
            return None
        last = place == len(texts) - 1
        if bool(part["number"]) != _has_number(step, last=last):
            return None
        around = part["step"]
    return step


def _has_number(step: Definition, *, last: bool) -> bool:
    loop = step.get("step_type") == "loop"
    return bool(step.get("action")) and loop if last else loop or step.get("for_each") is not None


def _handlers(step: Definition) -> list[Any]:
    return list(step.get("error_handlers") or ())


def _names(handler: Any) -> str:
    return handler if isinstance(handler, str) else handler["handler"]


def _wrong_call(story: Story, call: Call, step: Definition, seen: set[str]) -> Iterator[str]:
    known, given = story.known, call.scheduled
    step = _with_given_times(step, call)
    total, timeout = step.get("total_timeout"), float(step.get("timeout", 300))
    yield from _differs("action", call.action, HTTP if step.get("step_type") == "webhook" else step["action"])
    yield from _differs("queue", given.task_queue.name, step.get("agent_capability") or story.queue)
    # What waited for its breaker, or stood still with the run, has less left.
    left = _seconds(given.schedule_to_close_timeout)
    yield from _time_differs("timeout", given.start_to_close_timeout, _least(timeout, left or None))
    if total is None or (call.id not in seen and not story.continues):
        if total is not None or left < _FOR_EVER:
            yield from _time_differs("total_timeout", given.schedule_to_close_timeout, total or 0.0)
    elif not 0 < left <= total + _NEAR:
        yield f"total_timeout is {left}, not at most {total}"
    queue = step.get("queue_timeout") or (_CAPABILITY_QUEUE if step.get("agent_capability") else None)
    yield from _time_differs("queue_timeout", given.schedule_to_start_timeout, _least(queue, left or None))
    yield from _time_differs("heartbeat_timeout", given.heartbeat_timeout, _heartbeat(known, step, call))
    yield from _wrong_retries(known, call, step)
    yield from _wrong_headers(story, call, step)


def _wrong_undo(story: Story, call: Call, step: Definition, number: int) -> Iterator[str]:
    known, given = story.known, call.scheduled
    step = _with_given_times(step, call)
    actions, own = step.get("rollback_actions") or (), step.get("agent_capability")
    written: Any = actions[number] if number < len(actions) else None
    wanted = written if isinstance(written, dict) else {"action": written, "agent_capability": own}
    queue = wanted.get("agent_capability")
    yield from _differs("undo action", call.action, wanted["action"])
    yield from _differs("queue", given.task_queue.name, queue or story.queue)
    total = float(step.get("rollback_timeout", 3600))
    yield from _time_differs("timeout", given.start_to_close_timeout, _least(float(step.get("timeout", 300)), total))
    yield from _time_differs("rollback_timeout", given.schedule_to_close_timeout, total)
    there = {**step, "agent_capability": queue, **({} if queue == own else {"heartbeat_timeout": None})}
    yield from _time_differs("heartbeat_timeout", given.heartbeat_timeout, _heartbeat(known, there, call))
    retries = given.retry_policy
    yield from _time_differs("first retry", retries.initial_interval, 1.0)
    yield from _time_differs("longest delay", retries.maximum_interval, 60.0)
    yield from _differs("attempts", retries.maximum_attempts, 0)
    yield from _differs("never tried again", list(retries.non_retryable_error_types), [])
    # A worker has no share in these: they are called whatever the step's circuit breaker says.
    yield from _differs("worker's share", sorted({"adw-retry", "adw-breaker"} & set(given.header.fields)), [])
    yield from _wrong_key(story, call)


def _with_given_times(step: Definition, call: Call) -> Definition:
    """The step with what was sent in place of times that expressions gave."""
    given = call.scheduled
    sent = {
        "timeout": given.start_to_close_timeout,
        "total_timeout": given.schedule_to_close_timeout,
        "heartbeat_timeout": given.heartbeat_timeout,
        "queue_timeout": given.schedule_to_start_timeout,
    }
    return {**step, **{name: _seconds(value) for name, value in sent.items() if isinstance(step.get(name), str)}}


def _wrong_retries(known: Known, call: Call, step: Definition) -> Iterator[str]:
    given, most = call.scheduled.retry_policy, known.policy(step, "max_attempts", 3)
    delay = float(known.policy(step, "delay", 1.0))
    grows = known.policy(step, "backoff_strategy", "exponential") == "exponential"
    yield from _time_differs("delay", given.initial_interval, delay)
    bound = max(delay, float(known.policy(step, "max_delay", 60.0)))
    yield from _time_differs("max_delay", given.maximum_interval, bound)
    factor = known.policy(step, "backoff_multiplier", 2.0) if grows else 1.0
    yield from _differs("backoff_multiplier", given.backoff_coefficient, float(factor))
    if known.policy(step, "circuit_breaker", None) is None:
        yield from _differs("max_attempts", given.maximum_attempts, most)
    elif not 1 <= given.maximum_attempts <= most:
        yield f"max_attempts is {given.maximum_attempts}, not 1 to {most}"
    never = list(known.policy(step, "non_retryable", ()))
    wanted = [*never, *(_SERVER_NAMES[one] for one in never if one in _SERVER_NAMES)]
    yield from _differs("non_retryable", list(given.non_retryable_error_types), wanted)


def _wrong_headers(story: Story, call: Call, step: Definition) -> Iterator[str]:
    known = story.known
    fields = call.scheduled.header.fields
    strategy = known.policy(step, "backoff_strategy", "exponential")
    jitter = float(known.policy(step, "jitter", 0))
    told = json_of(fields["adw-retry"]) if "adw-retry" in fields else None
    if strategy == "linear" or jitter:
        wanted = {
            "strategy": strategy,
            "delay": known.policy(step, "delay", 1.0),
            "multiplier": known.policy(step, "backoff_multiplier", 2.0),
            "max_delay": known.policy(step, "max_delay", 60.0),
            "jitter": jitter,
        }
        yield from _differs("delays of the worker", told, wanted)
    else:
        yield from _differs("delays of the worker", told, None)
    breaker = known.policy(step, "circuit_breaker", None)
    policy = None
    if breaker is not None:
        policy = {"failure_threshold": breaker.get("failure_threshold", 5), "timeout": breaker.get("timeout", 30)}
    told = json_of(fields["adw-breaker"]) if "adw-breaker" in fields else None
    yield from _differs("circuit breaker", told, policy)
    yield from _wrong_key(story, call)


def _wrong_key(story: Story, call: Call) -> Iterator[str]:
    """An action is told the run's execution id wherever it is not that of the history."""
    fields, wanted = call.scheduled.header.fields, story.known.execution_id
    told = json_of(fields["adw-execution"]) if "adw-execution" in fields else story.run_id
    # What was undone and runs again has keys of its own.
    yield from _differs("execution id", re.sub(r"~\d+$", "", str(told)), wanted)


def _heartbeat(known: Known, step: Definition, call: Call) -> float:
    """The server lets it be no longer than an attempt."""
    attempt = _seconds(call.scheduled.start_to_close_timeout)
    if step.get("heartbeat_timeout") is not None:
        return min(float(step["heartbeat_timeout"]), attempt)
    beats = (
        not step.get("agent_capability") and call.action in known.beating and float(step.get("timeout", 300)) > _BEAT
    )
    return min(_BEAT, attempt) if beats else 0.0


def _least(*seconds: float | None) -> float:
    """The server lets no time of an activity be longer than that of all its attempts."""
    return min((one for one in seconds if one is not None), default=0.0)


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9


def _time_differs(what: str, given: Duration, wanted: float) -> Iterator[str]:
    if abs(_seconds(given) - wanted) > _NEAR:
        yield f"{what} is {_seconds(given):g} s, not {wanted:g}"


def _differs(what: str, given: object, wanted: object) -> Iterator[str]:
    if given != wanted:
        yield f"{what} is {given!r}, not {wanted!r}"
