from __future__ import annotations

import pytest

from tests.unit.checking import checked, problems

TWO = "- {step_id: a, action: x}\n- {step_id: b, action: x}\n"


@pytest.mark.parametrize(
    "join", ["any", "2", "workflow.n > 1", "steps.a.status == 'failed'", "size(input.x)", "input.n"]
)
def test_a_join_of_two_steps_is_fine(join: str) -> None:
    steps = TWO + f"- step_id: c\n  action: x\n  dependencies: [a, b]\n  join: {join}"

    assert problems(steps, top="global_variables: {n: 1}") == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("join: any", "no_effect"),
        ("dependencies: [a], join: any", "no_effect"),
        ("dependencies: [a], join: 1", "no_effect"),
        ("join: input.go", "no_effect"),
        ("dependencies: [a], join: input.go", None),
        ("dependencies: [a, a, b], join: 3", "wrong_value"),
        ("dependencies: [a, b], join: 3", "wrong_value"),
        ("join: 1", "wrong_value"),
    ],
)
def test_a_join_needs_steps_to_choose_from(fields: str, expected: str | None) -> None:
    assert problems(TWO + f"- {{step_id: c, action: x, {fields}}}") == (
        [(expected, "steps[2].join")] if expected else []
    )


def test_routes_are_dependencies_of_a_join() -> None:
    steps = """
        - {step_id: r, step_type: conditional, mode: all, conditions: [{expression: input.x, next_steps: [a, c]}]}
        - {step_id: a, action: x}
        - {step_id: q, step_type: conditional, conditions: [{default: true, next_steps: [c]}]}
        - {step_id: c, action: x, join: any}
        """

    assert problems(steps) == []


def test_the_owners_of_an_error_handler_are_no_dependencies() -> None:
    steps = """
        - {step_id: a, action: x, error_handlers: [h]}
        - {step_id: b, action: x, error_handlers: [h]}
        - {step_id: h, action: x, join: any}
        """

    assert problems(steps) == [("no_effect", "steps[2].join")]


@pytest.mark.parametrize(
    ("join", "part"), [("some", "unknown name 'some'"), ("'\"all\"'", "gives string"), ("1 +", "")]
)
def test_a_join_that_is_no_expression_says_what_it_may_be(join: str, part: str) -> None:
    (found,) = checked(TWO + f"- {{step_id: c, action: x, dependencies: [a, b], join: {join}}}")

    assert (found.code, found.path) == ("bad_expression", "steps[2].join")
    assert part in found.message
    assert found.fix == "Write 'all', 'any', a number, or an expression that gives a number or a bool."


def test_what_a_join_cancels_may_be_needed_elsewhere() -> None:
    steps = TWO + (
        "- {step_id: c, action: x, dependencies: [a, b], join: any, cancel_rest: true}\n"
        "- {step_id: d, action: x, dependencies: [b]}\n"
    )
    (found,) = checked(steps)

    assert (found.severity, found.code, found.path) == ("warning", "shared_dependency", "steps[2].cancel_rest")
    assert found.message == "it may cancel step 'b', which 'd' needs too and then is skipped or goes without."


@pytest.mark.parametrize("join", ["2", "3"])
def test_a_join_that_leaves_nothing_cancels_nothing(join: str) -> None:
    steps = TWO + f"- {{step_id: c, action: x, dependencies: [a, b], join: {join}, cancel_rest: true}}\n"

    found = problems(steps + "- {step_id: d, action: x, dependencies: [b]}")
    assert [code for code, _ in found if code == "shared_dependency"] == []


@pytest.mark.parametrize(
    "others",
    [
        pytest.param("- {step_id: d, action: x, dependencies: [a, c]}", id="a step after the join"),
        pytest.param("- {step_id: d, action: x, dependencies: [b, a], join: any}", id="a step that needs only one"),
        pytest.param("- {step_id: d, action: x, dependencies: [c]}", id="a step that needs only the join"),
    ],
)
def test_what_needs_less_than_a_join_cancels_is_not_warned_about(others: str) -> None:
    steps = TWO + "- {step_id: c, action: x, dependencies: [a, b], join: any, cancel_rest: true}\n" + others

    expected = [("shared_dependency", "steps[2].cancel_rest")] if "[a, c]" in others else []
    assert problems(steps) == expected


def test_a_longer_way_to_the_join_is_no_other_use() -> None:
    steps = """
        - {step_id: a, action: x, error_handlers: [h]}
        - {step_id: h, action: x}
        - {step_id: b, action: x, dependencies: [a]}
        - {step_id: c, action: x, dependencies: [a, b], join: any, cancel_rest: true}
        """

    assert problems(steps) == []


def test_cancel_rest_needs_a_join_that_leaves_some() -> None:
    steps = TWO + "- {step_id: c, action: x, dependencies: [a, b], cancel_rest: true}"

    assert problems(steps) == [("meaningless_field", "steps[2].cancel_rest")]
