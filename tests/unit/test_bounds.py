"""What the server would refuse, and stop a run for good by it, is refused before."""

from __future__ import annotations

import textwrap

import pytest

from advanced_workflow.workflows.contract import RetryDelay, retry_delay
from advanced_workflow.workflows.contract.paths import LONGEST_ID, StepPath
from advanced_workflow.workflows.errors import ExpressionError
from advanced_workflow.workflows.expressions import compile_expression
from advanced_workflow.workflows.plain.rfc3339 import parse_rfc3339
from tests.unit.checking import checked, problems

LONG = "x" * 1_001


@pytest.mark.parametrize(
    ("step", "place"),
    [
        ("{step_id: a, action: ''}", "steps[0].action"),
        ("{step_id: a, action: ' '}", "steps[0].action"),
        (f"{{step_id: a, action: {LONG}}}", "steps[0].action"),
        ('{step_id: a, action: "a\\u0007"}', "steps[0].action"),
        ("{step_id: a, action: x, rollback_actions: [y, '']}", "steps[0].rollback_actions[1]"),
        ("{step_id: a, action: x, agent_capability: /_sys/x}", "steps[0].agent_capability"),
        ("{step_id: a, action: x, agent_capability: ''}", "steps[0].agent_capability"),
        (f"{{step_id: a, action: x, agent_capability: {LONG}}}", "steps[0].agent_capability"),
        (f"{{step_id: a, action: x, agent_capability: {'é' * 501}}}", "steps[0].agent_capability"),
        ('{step_id: a, action: x, name: "one\\ntwo"}', "steps[0].name"),
        (f"{{step_id: a, action: x, name: {'n' * 201}}}", "steps[0].name"),
        ("{step_id: a, action: x, lock: ''}", "steps[0].lock"),
        ("{step_id: a, action: x, cancel_on: ''}", "steps[0].cancel_on"),
        ("{step_id: a, step_type: wait, wait: {event: ''}}", "steps[0].wait.event"),
        ("{step_id: a, step_type: sub_workflow, workflow: ''}", "steps[0].workflow"),
        ("{step_id: a, action: x, timeout: 0.0000001}", "steps[0].timeout"),
        ("{step_id: a, action: x, heartbeat_timeout: 0.0009}", "steps[0].heartbeat_timeout"),
        ("{step_id: a, action: x, total_timeout: 0.0000001}", "steps[0].total_timeout"),
        ("{step_id: a, action: x, rollback_timeout: 0.0000001}", "steps[0].rollback_timeout"),
        ("{step_id: a, action: x, retry_policy: {delay: 0.0000001}}", "steps[0].retry_policy.delay"),
        ("{step_id: a, action: x, retry_policy: {max_attempts: 2147483648}}", "steps[0].retry_policy.max_attempts"),
        ("{step_id: a, step_type: wait, wait: {event: e, timeout: 0.0000001}}", "steps[0].wait.timeout"),
        ("{step_id: a, step_type: wait, wait: {seconds: 0.0000001}}", "steps[0].wait.seconds"),
    ],
)
def test_what_the_server_refuses_is_a_problem(step: str, place: str) -> None:
    found = [one for one in checked(f"- {step}") if one.severity == "error"]

    assert [one.path for one in found] == [place]
    assert found[0].code in ("wrong_value", "too_large")


def test_what_the_server_takes_is_none() -> None:
    step = "{step_id: a, action: x, name: 'Prüfen & zahlen', agent_capability: gpu, timeout: 0.001, retry_policy: {max_attempts: 9}}"

    assert problems(f"- {step}") == []


def nested(ids: list[str], kind: str) -> str:
    text = f"- {{step_id: {ids[-1]}, action: do}}"
    for step_id in reversed(ids[:-1]):
        text = f"- step_id: {step_id}\n{textwrap.indent(kind, '  ')}\n{textwrap.indent(text, '  ')}"
    return text


@pytest.mark.parametrize(
    ("length", "kind", "fits"),
    [
        (111, "step_type: parallel\nparallel_steps:", True),
        (113, "step_type: parallel\nparallel_steps:", False),
        (105, "step_type: parallel\nfor_each: input.x\nparallel_steps:", False),
        (109, "step_type: loop\nloop_condition: input.x\nbody:", False),
    ],
)
def test_a_path_that_is_too_long_for_an_activity_is_found_with_room_for_its_numbers(
    length: int, kind: str, fits: bool
) -> None:
    found = problems(nested([f"s{n}".ljust(length, "x") for n in range(8)], kind))

    assert [code for code, _ in found] == ([] if fits else ["too_large"])


def test_the_id_of_a_child_is_never_too_long() -> None:
    path = StepPath("a" * 300)
    ids = {path.child_run_id("r" * 900, attempt) for attempt in (1, 2)}

    assert len(ids) == 2
    assert all(len(one) <= LONGEST_ID and one.startswith("r" * 900) for one in ids)
    assert path.child_run_id("r" * 699, 1) == f"{'r' * 699}/{path}"


@pytest.mark.parametrize("text", ["9999-12-31T23:59:59-01:00", "0001-01-01T00:00:00+01:00"])
def test_a_time_that_utc_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="before the year 1 or after 9999"):
        parse_rfc3339(text)
    with pytest.raises(ExpressionError, match=r"range|overflow"):
        compile_expression(f"timestamp('{text}')", frozenset()).evaluate({})


@pytest.mark.parametrize("strategy", ["exponential", "linear", "fixed"])
def test_the_delay_of_any_attempt_can_be_said(strategy: str) -> None:
    policy = RetryDelay.model_validate({"strategy": strategy, "delay": 3e8, "multiplier": 1000, "max_delay": 3e8})
    for attempt in (1, 104, 105, 1_026, 2_000_000_000):
        assert retry_delay(policy, attempt).total_seconds() == 3e8
