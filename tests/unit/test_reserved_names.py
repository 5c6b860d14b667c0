from __future__ import annotations

import pytest

from advanced_workflow.activities.action.decorator import action
from advanced_workflow.activities.action.errors import ActionInvalid
from advanced_workflow.activities.action.namespace import Namespace
from advanced_workflow.workflows import contract
from advanced_workflow.workflows.definition.check.check import check_text
from advanced_workflow.workflows.definition.model.reserved import is_reserved_action, is_reserved_workflow_type
from tests.unit.checking import checked, problems

RESERVED = "reserved_name"


def test_everything_of_the_engine_s_own_is_reserved():
    types = [value for name, value in vars(contract).items() if name.endswith("_WORKFLOW_TYPE")]
    assert len(types) >= 3
    assert all(is_reserved_workflow_type(name) for name in types)
    activities = [value for name, value in vars(contract).items() if name.endswith(("_ACTIVITY", "HTTP_ACTION"))]
    assert len(activities) >= 5
    assert all(is_reserved_action(name) for name in activities)


@pytest.mark.parametrize(
    ("step", "place"),
    [
        ("{step_id: a, action: adw.http_request}", "steps[0].action"),
        ("{step_id: a, action: x, rollback_actions: [y, adw.cancel_run]}", "steps[0].rollback_actions[1]"),
        ("{step_id: a, action: adw.anything, execution: local}", "steps[0].action"),
        ("{step_id: a, step_type: loop, action: adw.watch_run, loop_condition: 'true'}", "steps[0].action"),
        (
            "{step_id: p, step_type: parallel, parallel_steps: [{step_id: a, action: adw.prepare}]}",
            "steps[0].parallel_steps[0].action",
        ),
        ("{step_id: a, step_type: sub_workflow, workflow: AdvancedWorkflowUndo}", "steps[0].workflow"),
        ("{step_id: a, step_type: sub_workflow, workflow: AdvancedWorkflow}", "steps[0].workflow"),
    ],
)
def test_a_definition_cannot_name_what_is_the_engine_s_own(step: str, place: str):
    assert (RESERVED, place) in problems(f"- {step}")


def test_a_definition_cannot_be_called_as_a_workflow_type_of_the_engine():
    found = checked("- {step_id: a, action: x}", top="name: n")
    assert [one for one in found if one.code == RESERVED] == []

    (problem,) = check_text("workflow_id: AdvancedWorkflowRollback\nsteps: [{step_id: a, action: x}]\n")
    assert (problem.code, problem.path) == (RESERVED, "workflow_id")


def test_an_action_cannot_be_called_as_one_of_the_engine():
    def pretends() -> None: ...

    with pytest.raises(ActionInvalid, match=r"'adw\.'"):
        action(name="adw.http_request")(pretends)
    with pytest.raises(ActionInvalid, match=r"'adw\.'"):
        Namespace("adw").action(pretends)
