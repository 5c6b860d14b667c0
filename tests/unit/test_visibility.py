"""What the expressions of the newer step types may look at."""

from __future__ import annotations

import pytest

from tests.unit.checking import checked, problems


def test_the_status_of_any_step_may_be_read_but_its_output_only_once_it_is_settled() -> None:
    steps = """
        - {step_id: a, action: x, input_mapping: {a: steps.b.status, b: steps.b.output, c: steps.b.error, d: steps.b}}
        - {step_id: b, action: x, conditions: [steps.a.status == 'running'], cancel_on: {event: e, match: steps.a.status == 'failed'}}
        """
    found = checked(steps)

    assert [(one.code, one.path) for one in found] == [
        ("not_upstream", "steps[0].input_mapping.b"),
        ("not_upstream", "steps[0].input_mapping.c"),
        ("not_upstream", "steps[0].input_mapping.d"),
    ]
    assert found[0].fix == "Add 'b' to the step's 'dependencies', or read only its 'status'."


def test_the_status_of_one_copy_of_many_may_be_read_only_beside_it() -> None:
    steps = """
        - step_id: fan
          step_type: parallel
          for_each: input.items
          parallel_steps:
            - {step_id: a, action: x}
            - {step_id: b, action: x, conditions: [steps.a.status == 'running'], input_mapping: {s: steps.fan.status}}
        - {step_id: after, action: x, input_mapping: {s: steps.a.status, t: steps.fan.status}}
        """

    assert problems(steps) == [("not_upstream", "steps[1].input_mapping.s")]


def test_a_loop_sees_its_latest_round() -> None:
    steps = """
        - step_id: l
          step_type: loop
          loop_check: after
          loop_condition: iteration < 3 && steps.b.output.score < 8
          body: [{step_id: a, action: x, input_mapping: {n: iteration}}, {step_id: b, action: x, dependencies: [a]}]
        - {step_id: after, action: x, dependencies: [l], input_mapping: {a: steps.b.output, n: steps.l.output.iterations}}
        """

    assert problems(steps) == []


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("action: x, input_mapping: {a: 'steps.l.?output.?n.orValue(0)', n: iteration}", []),
        ("body: [{step_id: b, action: x}]", ["not_upstream"]),
    ],
)
def test_only_a_loop_over_an_action_sees_its_own_output(inside: str, expected: list[str]) -> None:
    found = problems(f"- {{step_id: l, step_type: loop, loop_condition: '!has(steps.l.output.done)', {inside}}}")

    assert [code for code, _ in found] == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("progress.completed >= 2 || steps.i.status == 'failed'", []),
        ("progress.done > 1", ["unknown_progress_field"]),
        ("steps.i.?output.?ok.orValue(false)", []),
        ("steps.i.output.ok", ["absent_output"]),
        ("'yes'", ["bad_expression"]),
    ],
)
def test_complete_when_looks_at_what_is_inside(source: str, expected: list[str]) -> None:
    step = (
        f'- {{step_id: p, step_type: parallel, complete_when: "{source}", parallel_steps: [{{step_id: i, action: x}}]}}'
    )

    assert [code for code, _ in problems(step)] == expected


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ("action: x, cancel_on: {event: e, match: 1 +}", "cancel_on.match"),
        ("action: x, cancel_on: {event: e, match: '3'}", "cancel_on.match"),
        ("step_type: parallel, for_each: input.x, add_on: {event: e, match: 1 +}", "add_on.match"),
        ("step_type: parallel, complete_when: 1 +", "complete_when"),
        ("action: x, input_mapping: {p: progress.total}", "input_mapping.p"),
    ],
)
def test_the_newer_expressions_are_compiled_too(fields: str, place: str) -> None:
    assert problems(f"- {{step_id: a, {fields}}}") == [("bad_expression", f"steps[0].{place}")]
