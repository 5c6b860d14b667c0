from __future__ import annotations

import pytest

from tests.unit.checking import checked, problems


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ("agent_capability: gpu", "agent_capability"),
        ("queue_timeout: 5", "queue_timeout"),
        ("heartbeat_timeout: 5", "heartbeat_timeout"),
        ("timeout: 11", "timeout"),
        ("total_timeout: 61", "total_timeout"),
        ("retry_policy: {circuit_breaker: {}}", "retry_policy.circuit_breaker"),
        ("retry_policy: {backoff_strategy: linear}", "retry_policy.backoff_strategy"),
        ("retry_policy: {jitter: 0.1}", "retry_policy.jitter"),
    ],
)
def test_what_a_local_step_cannot_keep_is_refused(fields: str, place: str) -> None:
    steps = f"- {{step_id: a, action: x, execution: local, {fields}}}"
    (found,) = checked(steps)

    assert (found.severity, found.code, found.path) == ("error", "local_execution", f"steps[0].{place}")
    assert problems(steps.replace("execution: local", "execution: regular")) == []


@pytest.mark.parametrize(
    "fields",
    [
        "retry_policy: {}",
        "timeout: 10",
        "total_timeout: 60",
        "retry_policy: {backoff_strategy: fixed, jitter: 0, delay: 5}",
        "rollback_actions: [y], cancel_on: e, lock: l",
    ],
)
def test_what_a_local_step_can_keep_is_fine(fields: str) -> None:
    assert problems(f"- {{step_id: a, action: x, execution: local, {fields}}}") == []
    assert problems(f"- {{step_id: a, step_type: worker, action: x, execution: local, {fields}}}") == []


def test_the_message_says_what_an_unwritten_timeout_is() -> None:
    (found,) = checked("- {step_id: a, action: x, execution: local, timeout: 300}")

    assert "300 s; where no 'timeout' is written it gets 10 s" in found.message


def test_delays_that_the_workflow_asks_for_are_named_with_the_way_out() -> None:
    top = "retry_policy: {backoff_strategy: linear, jitter: 0.5}"
    found = checked("- {step_id: a, action: x, execution: local}", top=top)

    assert [(one.code, one.path) for one in found] == [("local_execution", "steps[0].execution")] * 2
    assert all("which the workflow's 'retry_policy' asks for" in one.message for one in found)
    assert [one.fix for one in found] == [
        "Write 'exponential' or 'fixed' on the step.",
        "Write 'jitter: 0' on the step.",
    ]
    own = "- {step_id: a, action: x, execution: local, retry_policy: {backoff_strategy: fixed, jitter: 0}}"
    assert problems(own, top=top) == []


def test_only_steps_with_an_action_can_be_local() -> None:
    assert problems("- {step_id: a, step_type: wait, wait: {seconds: 1}, execution: local}") == [
        ("meaningless_field", "steps[0].execution")
    ]
