from __future__ import annotations

import pytest

from advanced_workflow.workflows.contract import McpFailure, ModelFailure
from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.model.error_types import OTHER_NAMES, PLATFORM_TYPES
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import ExpressionError, ExpressionInvalid


def warnings_for(name: str) -> list[str]:
    steps = [
        {
            "step_id": "a",
            "action": "a",
            "retry_policy": {"non_retryable": [name]},
            "error_handlers": [{"handler": "b", "on": [name]}],
        },
        {"step_id": "b", "action": "b"},
    ]
    workflow = {"workflow_id": "test", "steps": steps, "retry_policy": {"non_retryable": [name]}}
    problems = check(AdvancedWorkflow.model_validate(workflow))
    return [f"{one.path} {one}" for one in problems if one.code == Code.UNKNOWN_ERROR_TYPE.value]


def test_that_timeouts_of_local_actions_are_tried_again_all_the_same_is_told() -> None:
    step = {"step_id": "a", "action": "a", "execution": "local", "retry_policy": {"non_retryable": ["Timeout"]}}
    problems = check(AdvancedWorkflow.model_validate({"workflow_id": "test", "steps": [step]}))

    assert [one.code for one in problems] == [Code.LOCAL_EXECUTION.value]


def test_the_failures_of_models_of_mcp_tools_and_of_expressions_are_among_them() -> None:
    of_expressions = {one.code for one in (ExpressionError, *ExpressionError.__subclasses__())} - {
        ExpressionInvalid.code
    }

    assert {*ModelFailure, *McpFailure, *of_expressions} <= PLATFORM_TYPES.keys()


@pytest.mark.parametrize("name", [*PLATFORM_TYPES, "CardDeclined", "CardTimeout", "Busy", "x" * 10_000])
def test_types_of_the_platform_and_of_actions_are_fine(name: str) -> None:
    assert warnings_for(name) == []


@pytest.mark.parametrize("name", [*OTHER_NAMES, "timeout", "TimeOut", "Timeouts", "HeartBeatTimeout", "Canceled"])
def test_a_name_that_is_nearly_one_of_the_platforms_is_told_at_each_place(name: str) -> None:
    found = warnings_for(name)

    assert len(found) == 3
    assert all("Write '" in one for one in found)
