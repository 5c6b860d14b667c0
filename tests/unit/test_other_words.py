"""Words of other engines in a definition: `check` names the field or the value that is meant."""

from __future__ import annotations

import pytest

from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.text.other_words import FIELDS, VALUES, field_for, value_for
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.unit.checking import checked


@pytest.mark.parametrize(
    ("step_type", "field", "meant"),
    [
        ("action", "tags", "sequential"),
        ("Task", "tags", "sequential"),
        ("child-workflow", "tags", "sub_workflow"),
        ("sequential", "needs", "dependencies"),
        ("sequential", "depends_on", "dependencies"),
        ("sequential", "if", "conditions"),
        ("sequential", "with", "input_mapping"),
        ("sequential", "retries", "retry_policy"),
        ("sequential", "compensate", "rollback_actions"),
    ],
)
def test_check_names_what_another_engine_calls_otherwise(step_type: str, field: str, meant: str) -> None:
    fixes = [one.fix for one in checked(f"- {{step_id: a, step_type: {step_type}, action: charge, {field}: []}}")]

    assert f"Did you mean {meant!r}?" in fixes


def test_a_word_is_told_only_where_the_field_takes_what_is_meant() -> None:
    assert field_for("needs", AdvancedWorkflow.model_fields) == ""
    assert field_for("tasks", AdvancedWorkflow.model_fields) == "Did you mean 'steps'?"
    assert value_for("map", ["rollback", "pause"]) == ""


def test_every_word_means_something_that_there_is_and_is_none_itself() -> None:
    kinds = [str(one.value) for one in StepType]
    fields = {*WorkflowStep.model_fields, *AdvancedWorkflow.model_fields}

    assert {meant for words in FIELDS.values() for meant in words} <= fields
    assert {meant for words in VALUES.values() for meant in words} <= {*kinds, "rollback", "pause"}
    assert not {*VALUES} & {*kinds}
