"""Expressions that read what a step may not have: found where some run fails on it, and only there."""

from __future__ import annotations

import textwrap

import pytest

from advanced_workflow.workflows.definition.check.check import check_text
from tests.unit.checking import checked

BRANCHES = """
    - step_id: c
      step_type: conditional
      conditions: [{expression: input.n > 10, next_steps: [big]}, {default: true, next_steps: [small]}]
    - {step_id: big, action: x}
    - {step_id: small, action: x}
    - {step_id: after, action: x, dependencies: [big, small], input_mapping: {v: "MAPPING"}}
"""


def severity(steps: str, top: str = "") -> str:
    """What is found in a definition: nothing, a warning or an error; more than one place is an error of the test."""
    found = [one for one in checked(steps, top=top) if one.code == "absent_output"]
    assert len({one.path for one in found}) <= 1
    return found[0].severity if found else ""


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ("steps.c.output.routed", ""),
        ("steps.big.output.v", "warning"),
        ("steps.big.?output.v.orValue(0)", ""),
        ("has(steps.big.output) ? steps.big.output.v : 0", ""),
        ("has(steps.big.output.v) ? steps.big.output.v : steps.small.output.v", ""),
        ("has(steps.big.output) ? steps.small.output.v : 0", "warning"),
        ("steps.big.status == 'completed' ? steps.big.output.v : steps.small.output.v", ""),
        ("steps.big.status != 'skipped' ? steps.big.output.v : steps.small.output.v", ""),
        ("steps.big.status in ['completed', 'failed'] ? steps.big.output.v : steps.small.output.v", ""),
        ("input.n > 10 ? steps.big.output.v : steps.small.output.v", ""),
        ("input.n <= 10 ? steps.small.output.v : steps.big.output.v", ""),
        ("10 < input.n ? steps.big.output.v : 0", ""),
        ("input.n > 100 ? steps.big.output.v : 0", ""),
        ("input.n > 5 ? steps.big.output.v : 0", "warning"),
        ("input.n == 3 ? steps.small.output.v : 0", ""),
        ("input.n == 30 ? steps.small.output.v : 0", "warning"),
        ("input.other ? steps.big.output.v : 0", "warning"),
        ("has(steps.big.output) && steps.big.output.v > 1", ""),
        ("!has(steps.big.output) || steps.big.output.v > 1", ""),
        ("steps.big.?output.optMap(o, o.v).orValue(steps.small.output.v)", ""),
        ("input.list.map(i, i + steps.big.output.v)", "warning"),
        ("[steps.big.output, steps.small.output]", "error"),
        ("steps.big.error.message", "error"),
        ("steps.big.status", ""),
    ],
)
def test_only_what_may_fail_is_found(mapping: str, expected: str) -> None:
    assert severity(BRANCHES.replace("MAPPING", mapping)) == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        # A step that may be skipped by its own condition, and who reads it.
        ("{step_id: a, action: x, conditions: [input.a]}\n{step_id: r, action: x, dependencies: [a], READ}", ""),
        (
            "{step_id: a, action: x, conditions: [input.a]}\n{step_id: b, action: x}\n"
            "{step_id: r, action: x, dependencies: [a, b], READ}",
            "warning",
        ),
        (
            "{step_id: a, action: x, conditions: [input.a]}\n{step_id: b, action: x}\n"
            "{step_id: r, action: x, dependencies: [a, b], conditions: [input.a], READ}",
            "",
        ),
        (
            "{step_id: a, action: x, conditions: [input.a]}\n{step_id: b, action: x, conditions: [steps.c.output.ok], dependencies: [c]}\n"
            "{step_id: c, action: x}\n{step_id: r, action: x, dependencies: [a, b], conditions: ['has(steps.a.output)'], READ}",
            "",
        ),
        # A failure that the run continues after.
        (
            "{step_id: a, action: x, retry_policy: {continue_on_failure: true}}\n{step_id: r, action: x, dependencies: [a], READ}",
            "",
        ),
        (
            "{step_id: a, action: x, retry_policy: {continue_on_failure: true}}\n{step_id: b, action: x}\n"
            "{step_id: r, action: x, dependencies: [a, b], READ}",
            "",
        ),
        (
            "{step_id: a, action: x, retry_policy: {continue_on_failure: true}}\n{step_id: b, action: x}\n"
            "{step_id: r, action: x, dependencies: [a, b], join: any, READ}",
            "warning",
        ),
        ("{step_id: a, action: x}\n{step_id: b, action: x}\n{step_id: r, action: x, dependencies: [a, b], join: 2, READ}", ""),
        ("{step_id: a, action: x}\n{step_id: b, action: x}\n{step_id: r, action: x, dependencies: [a, b], join: 1, READ}", "warning"),
        # Error handlers.
        ("{step_id: a, action: x, error_handlers: [h]}\n{step_id: h, action: x}\n{step_id: r, action: x, dependencies: [a], READ}", "warning"),
        ("{step_id: a, action: x, error_handlers: [r]}\n{step_id: r, action: x, READ}", "error"),
        # Containers.
        (
            "{step_id: p, step_type: parallel, parallel_steps: [{step_id: a, action: x}, {step_id: b, action: x}]}\n"
            "{step_id: r, action: x, dependencies: [p], READ}",
            "warning",
        ),
        (
            "{step_id: p, step_type: parallel, retry_policy: {parallel_failure_threshold: 1}, parallel_steps: [{step_id: a, action: x}, {step_id: b, action: x}]}\n"
            "{step_id: r, action: x, dependencies: [p], READ}",
            "",
        ),
        (
            "{step_id: p, step_type: parallel, retry_policy: {parallel_failure_threshold: 1}, complete_when: progress.completed > 0, "
            "parallel_steps: [{step_id: a, action: x}, {step_id: b, action: x}]}\n{step_id: r, action: x, dependencies: [p], READ}",
            "warning",
        ),
        (
            "{step_id: p, step_type: parallel, conditions: [input.p], parallel_steps: [{step_id: a, action: x}]}\n{step_id: b, action: x}\n"
            "{step_id: r, action: x, dependencies: [p, b], READ}",
            "warning",
        ),
        ("{step_id: p, step_type: parallel, parallel_steps: [{step_id: a, action: x}], output_mapping: {steps.a.output: workflow.v}}", ""),
        # Loops.
        (
            "{step_id: l, step_type: loop, loop_condition: input.more, body: [{step_id: a, action: x}]}\n"
            "{step_id: r, action: x, dependencies: [l], READ}",
            "warning",
        ),
        (
            "{step_id: l, step_type: loop, loop_condition: iteration < 3, body: [{step_id: a, action: x}]}\n"
            "{step_id: r, action: x, dependencies: [l], READ}",
            "",
        ),
        (
            "{step_id: l, step_type: loop, loop_condition: input.more, loop_check: after, body: [{step_id: a, action: x}]}\n"
            "{step_id: r, action: x, dependencies: [l], READ}",
            "",
        ),
        ("{step_id: l, step_type: loop, loop_condition: steps.a.output.more, body: [{step_id: a, action: x}]}", "error"),
        ("{step_id: l, step_type: loop, loop_condition: iteration == 0 || steps.a.output.more, body: [{step_id: a, action: x}]}", ""),
        ("{step_id: l, step_type: loop, loop_condition: steps.a.output.more, loop_check: after, body: [{step_id: a, action: x}]}", ""),
        ("{step_id: a, step_type: loop, action: x, loop_condition: iteration < 3, input_mapping: {v: steps.a.output.v}}", "error"),
        ("{step_id: a, step_type: loop, action: x, loop_condition: iteration < 3, input_mapping: {v: 'iteration == 0 ? 0 : steps.a.output.v'}}", ""),
        # Events that end a step.
        ("{step_id: a, action: x, cancel_on: stop}\n{step_id: b, action: x}\n{step_id: r, action: x, dependencies: [a, b], READ}", "warning"),
        ("{step_id: a, action: x, cancel_on: {event: stop, outcome: complete}}\n{step_id: r, action: x, dependencies: [a], READ}", "warning"),
    ],
)  # fmt: skip
def test_what_the_rules_of_the_engine_leave_open_is_known(steps: str, expected: str) -> None:
    lines = steps.replace("READ", "input_mapping: {v: steps.a.output.v}").splitlines()

    assert severity("\n".join(f"- {line}" for line in lines)) == expected


def test_the_output_of_a_run_is_an_error_where_no_run_has_all_of_it() -> None:
    steps = textwrap.dedent(BRANCHES.replace("MAPPING", "1"))

    def found(output: str, top: str = "") -> list[tuple[str, str]]:
        text = f"workflow_id: w\n{top}steps:\n{textwrap.indent(steps, '  ')}\noutput: {output}"
        return [(one.severity, one.path) for one in check_text(text) if one.code == "absent_output"]

    both = "{a: steps.big.output.v, b: steps.small.output.v}"
    assert found(both) == [("error", "output.a"), ("error", "output.b")]
    # An operator may give what takes its place.
    assert found(both, "on_failure: pause\n") == [("warning", "output.a"), ("warning", "output.b")]
    assert found("{a: steps.big.output.v}") == [("warning", "output.a")]


def test_a_finding_names_the_step_and_the_form_to_write() -> None:
    (found,) = [
        one for one in checked(BRANCHES.replace("MAPPING", "steps.big.output.v")) if one.code == "absent_output"
    ]

    assert found.path == "steps[3].input_mapping.v"
    assert found.message == "step 'big' may be skipped, and then it has no output (column 1)."
    assert found.fix == "Write steps.big.?output.v.orValue(null), or ask has(steps.big.output) first."
