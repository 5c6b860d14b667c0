from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.versions import Definitions, order_of, split_name
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.unit.checking import definition, problems

IN_ORDER = [
    # No version numbers.
    *("draft", "spring", "spring-9", "spring-10"),
    # Semantic versions, and what people write like them.
    *("0.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1"),
    *("1", "1.0", "1.0.0", "1.0.0+9", "1.0.0+10", "v1.0.1", "1.2", "1.9", "1.10", "2.0-rc.9", "2.0-rc.10", "v2.0"),
    *("3.0.0.1", "20", "2024-01-15", "2024-02-01", "2024.1"),
]
TEXTS = st.text("0129.-+avrc ", min_size=1, max_size=12)


def served(*versions: str) -> Definitions:
    return Definitions(AdvancedWorkflow(workflow_id="pay", version=one) for one in versions)


def test_versions_have_an_order() -> None:
    mixed = random.Random(1).sample(IN_ORDER, len(IN_ORDER))

    assert sorted(mixed, key=order_of) == IN_ORDER


@given(st.lists(TEXTS, min_size=2, max_size=5, unique=True))
def test_any_versions_have_one_order_whatever_comes_first(versions: list[str]) -> None:
    orders = {tuple(served(*one).versions("pay")) for one in itertools.permutations(versions)}

    assert len(orders) == 1


def test_new_runs_take_the_highest_and_a_version_is_found_exactly() -> None:
    found = served("1.9", "1.10", "1.2")

    assert [one.version for one in found] == ["1.10", "1.9", "1.2"]
    highest, exact = found.find("pay"), found.find("pay", "1.2")
    assert highest is not None
    assert highest.version == "1.10"
    assert exact is not None
    assert exact.version == "1.2"
    assert found.find("pay", "1.20") is None
    assert found.find("refund") is None


@pytest.mark.parametrize(
    ("name", "parts"),
    [("pay", ("pay", None)), ("pay@1.0", ("pay", "1.0")), ("pay@", ("pay", None)), ("pay@a@b", ("pay", "a@b"))],
)
def test_a_name_may_say_the_version(name: str, parts: tuple[str, str | None]) -> None:
    assert split_name(name) == parts


def child(version: str, parameter: str, output: str) -> AdvancedWorkflow:
    return definition(f"""
        workflow_id: billing
        version: "{version}"
        input_schema: {{type: object, properties: {{{parameter}: {{type: integer}}}}, required: [{parameter}], additionalProperties: false}}
        output: {{{output}: "'x'"}}
        steps: [{{step_id: a, action: x}}]
        """)


KNOWN = Definitions([child("1.9", "amount", "number"), child("1.10", "total", "invoice")])


@pytest.mark.parametrize(
    ("fields", "read", "expected"),
    [
        ("workflow: billing, input_mapping: {total: 3}", "invoice", []),
        (
            "workflow: billing, input_mapping: {amount: 3}",
            "number",
            ["missing_parameter", "unknown_parameter", "unknown_output_field"],
        ),
        ("workflow: billing, workflow_version: '1.9', input_mapping: {amount: 3}", "number", []),
        ("workflow: billing, workflow_version: '1.9', input_mapping: {amount: 3}", "invoice", ["unknown_output_field"]),
        ("workflow: billing, workflow_version: '1.8', input_mapping: {amount: 3}", "number", ["wrong_version"]),
    ],
)
def test_a_child_is_checked_as_the_version_that_it_will_be(fields: str, read: str, expected: list[str]) -> None:
    found = problems(
        f"""
        - {{step_id: s, step_type: sub_workflow, {fields}}}
        - {{step_id: a, action: x, dependencies: [s], input_mapping: {{n: steps.s.output.{read}}}}}
        """,
        definitions=KNOWN,
    )

    assert [code for code, _ in found] == expected


def test_a_version_that_is_not_there_and_one_in_the_name_are_told_with_the_right_form() -> None:
    def told(**fields: str) -> str:
        step = {"step_id": "s", "step_type": "sub_workflow", **fields}
        [problem] = check(AdvancedWorkflow.model_validate({"workflow_id": "w", "steps": [step]}), None, KNOWN)
        return f"{problem.message} {problem.fix}"

    assert "has no version '2'; it has '1.10', '1.9'" in told(workflow="billing", workflow_version="2")
    assert "write 'workflow: billing' and 'workflow_version: \"1.9\"'" in told(workflow="billing@1.9")
