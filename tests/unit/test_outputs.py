"""Which fields an expression may read of the outputs of each step type."""

from __future__ import annotations

import pytest

from tests.unit.checking import checked, problems

INNER = "{step_id: i, action: x}"
COUNTS = ["total_steps", "successful_steps", "failed_steps", "skipped_steps", "success_rate", "results", "failures"]
WEBHOOK = "step_type: webhook, webhook: {url: input.url%s}"


@pytest.mark.parametrize(
    ("step", "fields"),
    [
        (f"step_type: parallel, parallel_steps: [{INNER}]", COUNTS),
        (f"step_type: parallel, for_each: input.items, parallel_steps: [{INNER}]", COUNTS),
        ("step_type: conditional, conditions: [{default: true, next_steps: [after]}]", ["routed"]),
        (f"step_type: loop, loop_condition: iteration < 2, body: [{INNER}]", ["iterations"]),
        (
            "step_type: human_approval, approval: {deadline: 60}",
            ["decision", "approver", "decided_at", "comment", "form", "by_deadline", "decisions"],
        ),
        ("step_type: wait, wait: {seconds: 1}", ["until"]),
        ("step_type: wait, wait: {until: input.when}", ["until"]),
        (WEBHOOK % "", ["status", "headers", "body"]),
        (WEBHOOK % ", callback: {event: answered, timeout: 60}", ["status", "headers", "body", "callback"]),
        ("step_type: rollback", ["undone"]),
    ],
)
def test_an_output_has_the_fields_of_its_step_type_and_no_others(step: str, fields: list[str]) -> None:
    def reading(*names: str) -> str:
        mapping = ", ".join(f"f{number}: steps.s.output.{name}" for number, name in enumerate(names))
        return f"- {{step_id: s, {step}}}\n- {{step_id: after, action: x, dependencies: [s], input_mapping: {{{mapping}}}}}"

    assert problems(reading(*fields)) == []
    (found,) = checked(reading("other"))
    assert (found.code, found.path) == ("unknown_output_field", "steps[1].input_mapping.f0")
    assert found.message == "the output of step 's' has no field 'other' (column 1)."
    assert sorted(found.fix.removeprefix("It has: ").rstrip(".").split(", ")) == sorted(fields)


@pytest.mark.parametrize(
    "step",
    [
        "step_type: wait, wait: {event: e, timeout: 60}",
        "step_type: loop, loop_condition: iteration < 2, action: x",
        "step_type: sub_workflow, workflow: other",
        "action: x",
    ],
)
def test_an_output_that_comes_from_elsewhere_may_have_any_field(step: str) -> None:
    after = "- {step_id: after, action: x, dependencies: [s], input_mapping: {a: steps.s.output.anything.at_all}}"

    assert problems(f"- {{step_id: s, {step}, output_mapping: {{result.anything: workflow.a}}}}\n{after}") == []


def test_the_result_of_a_step_without_an_action_is_known_too() -> None:
    steps = """
        - {step_id: ask, step_type: human_approval, approval: {deadline: 60}, output_mapping: {result.decision: workflow.d, result.decided: workflow.e}}
        - {step_id: l, step_type: loop, loop_condition: iteration < 2, body: [{step_id: i, action: x}], output_mapping: {result.i: workflow.i, steps.i.output.n: workflow.n}}
        """

    assert problems(steps) == [
        ("unknown_output_field", 'steps[0].output_mapping["result.decided"]'),
        ("unknown_output_field", 'steps[1].output_mapping["result.i"]'),
    ]


def test_what_is_inside_a_form_or_a_list_is_not_judged() -> None:
    steps = """
        - {step_id: ask, step_type: human_approval, approval: {deadline: 60}}
        - {step_id: p, step_type: parallel, for_each: input.items, parallel_steps: [{step_id: i, action: x}]}
        - step_id: after
          action: x
          dependencies: [ask, p]
          input_mapping: {a: steps.ask.output.form.size, b: 'steps.p.output.results[0].steps.i.total', c: 'steps.p.output.results.map(r, r.index)'}
        """

    assert problems(steps) == []
