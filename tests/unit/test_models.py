import pytest
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from advanced_workflow.workflows.definition.editor_schema import json_schema
from advanced_workflow.workflows.definition.kinds.wait import WaitFor
from advanced_workflow.workflows.definition.model.conditions import Condition
from advanced_workflow.workflows.definition.model.events import CancelOn, EventTrigger
from advanced_workflow.workflows.definition.model.handlers import ErrorHandler
from advanced_workflow.workflows.definition.model.lock import Lock
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

SEED_STEP = {
    "step_id": "a",
    "name": "A",
    "step_type": "sequential",
    "action": None,
    "agent_capability": None,
    "timeout": 300,
    "input_mapping": {},
    "output_mapping": {},
    "input_validation": {},
    "dependencies": [],
    "conditions": [],
    "next_steps": [],
    "error_handlers": [],
    "retry_policy": {},
    "rollback_actions": [],
    "parallel_steps": [],
    "loop_condition": None,
    "loop_max_iterations": 100,
    "metrics_enabled": True,
    "custom_metrics": [],
    "status": "pending",
    "start_time": None,
    "end_time": None,
    "execution_data": {},
    "error_info": None,
    "retry_count": 0,
}


@pytest.mark.parametrize("step_type", ["sequential", "parallel", "conditional", "loop", "human_approval", "react"])
def test_a_serialised_step_of_the_older_vocabulary_loads(step_type: str) -> None:
    step = WorkflowStep.model_validate({**SEED_STEP, "step_type": step_type})

    assert step == WorkflowStep(step_id="a", name="A", step_type=StepType(step_type))


@pytest.mark.parametrize(("field", "value"), [("status", "running"), ("retry_count", 1), ("execution_data", {"a": 1})])
def test_run_time_state_in_a_definition_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        WorkflowStep.model_validate({**SEED_STEP, field: value})


def test_the_older_vocabulary_keeps_its_defaults() -> None:
    workflow = AdvancedWorkflow(workflow_id="a")
    step = WorkflowStep(step_id="a")

    assert (workflow.version, workflow.timeout, workflow.max_parallel_steps) == ("1.0", 3600, 10)
    assert (step.timeout, step.loop_max_iterations, step.metrics_enabled) == (300, 100, True)
    assert [status.value for status in StepStatus][:2] == ["pending", "running"]


def test_definitions_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        WorkflowStep(step_id="a").name = "b"


def test_a_bare_string_is_an_expression_a_handler_an_event_or_a_lock() -> None:
    short = {"conditions": ["true"], "error_handlers": ["b"], "add_on": "more", "cancel_on": "stop", "lock": "l"}
    step = WorkflowStep.model_validate({"step_id": "a", **short})

    assert step.conditions == (Condition(expression="true"),)
    assert step.error_handlers == (ErrorHandler(handler="b"),)
    assert step.add_on == EventTrigger(event="more")
    assert step.cancel_on == CancelOn(event="stop", outcome="skip")
    assert step.lock == Lock(name="l", max_concurrent=1)
    editors = Draft202012Validator(json_schema())
    assert editors.is_valid({"workflow_id": "a", "steps": [{"step_id": "a", **short}]})
    assert not editors.is_valid({"workflow_id": "a", "steps": [{"step_id": "a", "lock": 3}]})


@pytest.mark.parametrize(
    "fields",
    [
        {"execution": "remote"},
        {"cancel_on": {"event": "e", "outcome": "stop"}},
        {"cancel_on": {"match": "true"}},
        {"add_on": {"event": "e", "outcome": "skip"}},
        {"lock": {"name": "l", "max_concurrent": 0}},
        {"join": 0},
        {"join": True},
        {"webhook": {"url": "input.url", "callback": {"timeout": 5}}},
        {"webhook": {"url": "input.url", "method": "FETCH"}},
    ],
)
def test_a_field_of_a_step_has_its_form(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WorkflowStep.model_validate({"step_id": "a", **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"field": "input.a"},
        {"operator": "=="},
        {"expression": "true", "default": True},
        {"expression": "true", "field": "input.a", "operator": "=="},
    ],
)
def test_a_condition_has_exactly_one_form(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Condition.model_validate(fields)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"seconds": 1, "event": "e"},
        {"seconds": 1, "match": "true"},
        {"seconds": 1, "transient": True},
        {"seconds": 0},
    ],
)
def test_a_wait_has_exactly_one_form(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        WaitFor.model_validate(fields)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_not_finite_are_refused_everywhere(number: float) -> None:
    for fields in (
        {"timeout": number},
        {"global_variables": {"x": [number]}},
        {"steps": [{"step_id": "a", "input_mapping": {"x": number}}]},
    ):
        with pytest.raises(ValidationError):
            AdvancedWorkflow.model_validate({"workflow_id": "a", **fields})
