from __future__ import annotations

import pytest

from tests.unit.checking import checked, definition, problems

BILLING = definition("""
    workflow_id: billing
    version: "2"
    input_schema:
      type: object
      properties: {amount: {type: integer}, note: {type: string}}
      required: [amount]
      additionalProperties: false
    output: {invoice: {number: steps.a.output.number}, paid: 'true'}
    steps: [{step_id: a, action: x}]
    """)
KNOWN = {"billing": BILLING}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("workflow: billing, input_mapping: {amount: 3}", []),
        ("workflow: billing, workflow_version: '2', input_mapping: {amount: input.x, note: input.y}", []),
        ("workflow: w", []),
        ("workflow: biling", ["unknown_workflow workflow"]),
        ("workflow: billing, workflow_version: '1', input_mapping: {amount: 3}", ["wrong_version workflow_version"]),
        ("workflow: billing", ["missing_parameter input_mapping"]),
        ("workflow: billing, input_mapping: {amount: 3.5}", ["wrong_parameter input_mapping.amount"]),
        ("workflow: billing, input_mapping: {amount: 3, notes: input.y}", ["unknown_parameter input_mapping.notes"]),
    ],
)
def test_a_sub_workflow_is_there_and_takes_what_it_is_given(fields: str, expected: list[str]) -> None:
    steps = f"- {{step_id: s, step_type: sub_workflow, {fields}}}"
    found = problems(steps, definitions=KNOWN)

    assert [f"{code} {place.removeprefix('steps[0].')}" for code, place in found] == expected
    assert problems(steps) == []


def test_an_unknown_sub_workflow_is_named_with_the_nearest_one() -> None:
    (found,) = checked("- {step_id: s, step_type: sub_workflow, workflow: biling}", definitions=KNOWN)

    assert str(found) == (
        "steps[0].workflow (line 4): there is no definition 'biling'; 'adw definitions' lists those that are served. "
        "Did you mean 'billing'? [unknown_workflow]"
    )


def test_the_output_of_a_sub_workflow_has_the_fields_its_definition_builds() -> None:
    steps = """
        - {step_id: s, step_type: sub_workflow, workflow: billing, input_mapping: {amount: 3}, output_mapping: {result.payed: workflow.p}}
        - {step_id: a, action: x, dependencies: [s], input_mapping: {n: steps.s.output.invoice.number, m: steps.s.output.invoice.no}}
        """

    assert problems(steps, definitions=KNOWN) == [
        ("unknown_output_field", 'steps[0].output_mapping["result.payed"]'),
        ("unknown_output_field", "steps[1].input_mapping.m"),
    ]
    assert problems(steps) == []
