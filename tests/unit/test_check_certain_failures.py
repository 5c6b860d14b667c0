"""What fails, or is lost, in every run, and can be known before any; and near to it what is not, of which nothing is said."""

from __future__ import annotations

import pytest

from tests.unit.checking import checked

A = "- {step_id: a, action: x, output_mapping: {result: workflow.v}}\n"
B = "- {step_id: b, action: x, dependencies: [a], "
LATER = "- {step_id: z, action: x, dependencies: [b], output_mapping: {result: workflow.v}}\n"
ROUTES = "- {step_id: c, step_type: conditional, %s conditions: [{expression: input.x, next_steps: [l, m]}, {default: true, next_steps: [r]}]}\n"
TARGETS = "- {step_id: l, action: x}\n- {step_id: m, action: x}\n- {step_id: r, action: x}\n- {step_id: o, action: x}\n"
SCHEMA = "{type: object, required: [n], properties: {n: {type: integer, minimum: 3}, list: {maxItems: 1}}, additionalProperties: false}"


def found(steps: str, top: str = "") -> list[str]:
    return [f"{one.severity} {one.code} {one.path}" for one in checked(steps, top=top)]


def validated(mapping: str, schema: str = SCHEMA) -> str:
    return f"- {{step_id: a, action: x, input_mapping: {mapping}, input_validation: {schema}}}"


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (A.replace("}}", "}, conditions: [workflow.v]}"), "warning unknown_variable steps[0].conditions[0]"),
        (f"- {{step_id: a, action: x}}\n{B}input_mapping: {{p: workflow.v}}}}\n{LATER}", "warning unknown_variable steps[1].input_mapping.p"),
        (f"- {{step_id: a, action: x}}\n{B}conditions: [workflow.v + 1 > 2]}}\n{LATER}", "warning unknown_variable steps[1].conditions[0]"),
        (f"{A}{B}input_mapping: {{p: workflow.v}}}}", None),
        (f"{A}{B}input_mapping: {{p: workflow.v}}}}\n{LATER}", None),
        (f"{A}- {{step_id: b, action: x, input_mapping: {{p: workflow.v}}}}", None),
        (f"- {{step_id: a, action: x}}\n{B}input_mapping: {{p: 'workflow.?v.orValue(1)'}}}}\n{LATER}", None),
        (f"- {{step_id: a, action: x}}\n{B}input_mapping: {{p: 'has(workflow.v) ? workflow.v : 1'}}}}\n{LATER}", None),
        ("- {step_id: l, step_type: loop, loop_condition: iteration < 2, body: [{step_id: a, action: x, input_mapping: {p: workflow.v}, output_mapping: {result: workflow.v}}]}", None),
    ],
)  # fmt: skip
def test_a_variable_that_only_later_steps_write_has_no_value_yet(steps: str, expected: str | None) -> None:
    assert found(steps) == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("mode", "join", "needs", "wrong"),
    [
        ("", "[l, r]", 2, True),
        ("", "[l, m, r]", 3, True),
        ("", "[l, r, o]", 3, True),
        ("", "[l, m, r]", 2, False),
        ("", "[l, r, o]", 2, False),
        ("mode: all,", "[l, r]", 2, False),
    ],
)
def test_a_join_that_exclusive_routes_cannot_meet_is_found(mode: str, join: str, needs: int, wrong: bool) -> None:
    steps = f"{ROUTES % mode}{TARGETS}- {{step_id: j, action: x, dependencies: {join}, join: {needs}}}"

    assert ("warning unreachable_step steps[5]" in found(steps)) is wrong


@pytest.mark.parametrize(
    ("mapping", "wrong"),
    [
        ("{result.a: workflow.o.id, result: workflow.o}", True),
        ("{result.a: 'workflow.o[]', result: workflow.o}", True),
        ("{result: workflow.o, result.a: workflow.o.id}", False),
        ("{result.a: workflow.o.id, result: workflow.other}", False),
    ],
)
def test_a_result_that_another_replaces_is_found(mapping: str, wrong: bool) -> None:
    steps = f"- {{step_id: a, action: x, output_mapping: {mapping}}}"

    assert [one.split()[1] for one in found(steps)] == (["invalid_target"] if wrong else [])


@pytest.mark.parametrize(
    ("field", "value", "wrong"),
    [
        ("for_each: workflow.v", "3", True),
        ("for_each: workflow.v", "[3]", False),
        ("for_each: workflow.v", "null", True),
    ],
)
def test_a_constant_of_the_wrong_kind_is_found(field: str, value: str, wrong: bool) -> None:
    steps = f"- {{step_id: a, step_type: parallel, {field}, parallel_steps: [{{step_id: b, action: x}}]}}"

    assert found(steps, f"global_variables: {{v: {value}}}") == (
        ["warning bad_expression steps[0].for_each"] if wrong else []
    )


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("{n: 2}", "wrong_parameter steps[0].input_mapping.n"),
        ("{n: \"'x'\"}", "wrong_parameter steps[0].input_mapping.n"),
        ("{n: 3, list: [1, 2]}", "wrong_parameter steps[0].input_mapping.list"),
        ("{list: []}", "missing_parameter steps[0].input_mapping"),
        ("{n: 3, other: 1}", "unknown_parameter steps[0].input_mapping.other"),
        ("{n: 3, list: [1]}", None),
        ("{n: input.n}", None),
        ("{n: 1 + 2}", None),
    ],
)
def test_what_the_own_validation_refuses_in_every_run_is_found(mapping: str, expected: str | None) -> None:
    assert found(validated(mapping)) == ([f"error {expected}"] if expected else [])


def test_a_group_without_members_is_named() -> None:
    approval = "{approvers: ['group:finance'], groups: {finance: []}, deadline: 60}"
    [problem] = checked(f"- {{step_id: a, step_type: human_approval, approval: {approval}}}")

    assert problem.path == "steps[0].approval.groups.finance"
    assert problem.message == "nobody may decide: group 'finance' is listed without members."
