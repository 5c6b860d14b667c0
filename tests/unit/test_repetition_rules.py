from __future__ import annotations

import pytest

from tests.unit.checking import checked, problems

INNER = "{step_id: i, action: x}"
ENDLESS = ("endless_loop", "steps[0].loop_condition")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("for_each: input.items, add_on: more, max_concurrency: 1000", []),
        (
            "for_each: input.items, add_on: {event: more, match: event.n > input.n}, complete_when: progress.total > 3",
            [],
        ),
        ("add_on: more", [("error", "meaningless_field", "add_on")]),
        ("for_each: input.items, max_concurrency: 1001", [("warning", "no_effect", "max_concurrency")]),
        ("max_concurrency: 1001", []),
    ],
)
def test_fan_outs(fields: str, expected: list[tuple[str, str, str]]) -> None:
    found = checked(f"- {{step_id: p, step_type: parallel, parallel_steps: [{INNER}], {fields}}}")

    assert [(one.severity, one.code, one.path.removeprefix("steps[0].")) for one in found] == expected


@pytest.mark.parametrize(
    "inside", ["action: x", f"body: [{INNER}]", "body: [{step_id: i, step_type: wait, wait: {seconds: 1}}]"]
)
def test_a_loop_that_nothing_ends_is_warned_about(inside: str) -> None:
    (found,) = checked(f"- {{step_id: l, step_type: loop, loop_condition: ' true', {inside}}}")

    assert (found.severity, found.code, found.path) == ("warning", *ENDLESS)
    assert "'LoopLimitExceeded' after 100 rounds" in found.message


@pytest.mark.parametrize(
    "fields",
    [
        "loop_condition: iteration < 3, action: x",
        "loop_condition: 'true', action: x, cancel_on: enough",
        "loop_condition: 'true', body: [{step_id: i, step_type: human_approval, approval: {deadline: 60}}]",
        "loop_condition: 'true', body: [{step_id: i, step_type: wait, wait: {event: e, timeout: 5}}]",
        "loop_condition: 'true', body: [{step_id: p, step_type: parallel, parallel_steps: [{step_id: i, step_type: human_approval, approval: {deadline: 60}}]}]",
    ],
)
def test_a_loop_that_something_ends_is_fine(fields: str) -> None:
    assert problems(f"- {{step_id: l, step_type: loop, {fields}}}") == []


@pytest.mark.parametrize("around", ["cancel_on: enough", "complete_when: progress.completed > 0"])
def test_what_is_around_a_loop_may_end_it(around: str) -> None:
    loop = "{step_id: l, step_type: loop, loop_condition: 'true', action: x}"

    assert problems(f"- {{step_id: p, step_type: parallel, {around}, parallel_steps: [{loop}, {INNER}]}}") == []


def test_a_join_may_end_a_loop() -> None:
    steps = """
        - {step_id: l, step_type: loop, loop_condition: 'true', action: x}
        - {step_id: a, action: x}
        - {step_id: c, action: x, dependencies: [a, l], join: any}
        """

    assert problems(steps) == [ENDLESS]
    assert problems(steps.replace("join: any", "join: any, cancel_rest: true")) == []


@pytest.mark.parametrize(
    "field",
    [
        *("timeout: 5", "total_timeout: 5", "heartbeat_timeout: 5", "queue_timeout: 5", "agent_capability: gpu"),
        *("execution: local", "input_mapping: {a: 1}", "rollback_actions: [x]", "retry_policy: {max_attempts: 2}"),
    ],
)
def test_a_loop_over_a_body_runs_no_action_of_its_own(field: str) -> None:
    loop = f"- {{step_id: l, step_type: loop, loop_condition: iteration < 3, {field}, %s}}"
    place = field.partition(":")[0] + (".max_attempts" if "max_attempts" in field else "")

    (found,) = checked(loop % f"body: [{INNER}]")
    assert (found.code, found.path) == ("meaningless_field", f"steps[0].{place}")
    assert found.fix == "Remove it, or write it on the steps of the body."
    assert [code for code, _ in problems(loop % "action: x") if code == "meaningless_field"] == []
