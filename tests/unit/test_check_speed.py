from __future__ import annotations

from collections.abc import Callable
from time import process_time

import pytest
from pydantic import JsonValue

from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.model.lock import Lock
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def chained(number: int) -> WorkflowStep:
    before = f"s{number - 1}"
    mapping: dict[str, JsonValue] = {"a": f"steps.{before}.output"} if number else {}
    return WorkflowStep(step_id=f"s{number}", action="x", dependencies=(before,)[: number and 1], input_mapping=mapping)


def racing(number: int) -> WorkflowStep:
    befores = tuple(f"s{other}" for other in range(20))
    if number < len(befores):
        return WorkflowStep(step_id=f"s{number}", action="x")
    return WorkflowStep(step_id=f"s{number}", action="x", dependencies=befores, join="any", cancel_rest=True)


def locking(number: int) -> WorkflowStep:
    inner = WorkflowStep(step_id=f"i{number}", action="x", lock=Lock(name=f"l{number % 7}"))
    return WorkflowStep(
        step_id=f"s{number}",
        step_type=StepType.LOOP,
        loop_condition="true",
        lock=Lock(name=f"l{number % 5}"),
        body=(inner,),
    )


def writing(number: int) -> WorkflowStep:
    before = f"workflow.o{number - 1}" if number else "0"
    return WorkflowStep(
        step_id=f"s{number}",
        action="x",
        dependencies=(f"s{number - 1}",)[: number and 1],
        input_mapping={"a": before},
        output_mapping={"result": f"workflow.o{number}"},
    )


@pytest.mark.parametrize("step", [chained, racing, locking, writing])
def test_the_time_of_a_check_grows_with_the_steps_and_not_with_their_square(
    step: Callable[[int], WorkflowStep],
) -> None:
    def seconds(steps: int) -> float:
        workflow = AdvancedWorkflow(workflow_id="w", steps=tuple(step(number) for number in range(steps)))
        began = process_time()
        check(workflow)
        return process_time() - began

    few = seconds(500)
    assert seconds(4000) < 25 * few
