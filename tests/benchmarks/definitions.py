"""The same work as definitions for the engine."""

from __future__ import annotations

from typing import Any, Literal

from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.benchmarks.handwritten import EACH, LOOP, NOTHING, PASS_ON, step_id

Execution = Literal["regular", "local"]


def chain(steps: int, execution: Execution = "regular") -> AdvancedWorkflow:
    """Each step depends on the one before it."""
    return AdvancedWorkflow(
        workflow_id=f"bench-chain-{steps}-{execution}",
        steps=tuple(_call(number, dependencies=_before(number), execution=execution) for number in range(steps)),
    )


def data_chain(steps: int) -> AdvancedWorkflow:
    """Each step is mapped what the one before it gave; the first one the run's input."""
    sources = ["input", *(f"steps.{step_id(number)}.output" for number in range(steps))]
    return AdvancedWorkflow(
        workflow_id=f"bench-data-{steps}",
        steps=tuple(
            _call(
                number, action=PASS_ON, dependencies=_before(number), input_mapping={"data": f"{sources[number]}.data"}
            )
            for number in range(steps)
        ),
    )


def loop(rounds: int) -> AdvancedWorkflow:
    """One action, again and again."""
    again = WorkflowStep(
        step_id=LOOP,
        step_type=StepType.LOOP,
        action=NOTHING,
        loop_condition=f"iteration < {rounds}",
        loop_max_iterations=rounds,
    )
    return AdvancedWorkflow(workflow_id=f"bench-loop-{rounds}", steps=(again,))


def fan(steps: int, at_once: int) -> AdvancedWorkflow:
    """Steps without dependencies."""
    return AdvancedWorkflow(
        workflow_id=f"bench-fan-{steps}-{at_once}",
        steps=tuple(_call(number) for number in range(steps)),
        max_parallel_steps=at_once,
    )


def for_each(at_once: int) -> AdvancedWorkflow:
    """A copy of one step for each item of the input."""
    each = WorkflowStep(
        step_id=EACH,
        step_type=StepType.PARALLEL,
        for_each="input.items",
        max_concurrency=at_once,
        parallel_steps=(_call(0, action=PASS_ON, input_mapping={"item": "item"}),),
    )
    return AdvancedWorkflow(workflow_id=f"bench-each-{at_once}", steps=(each,), max_parallel_steps=at_once)


def parent(children: int, child: AdvancedWorkflow) -> AdvancedWorkflow:
    """Child runs, all at once."""
    return AdvancedWorkflow(
        workflow_id=f"bench-parent-{children}",
        steps=tuple(
            WorkflowStep(step_id=step_id(number), step_type=StepType.SUB_WORKFLOW, workflow=child.workflow_id)
            for number in range(children)
        ),
    )


def _call(number: int, *, action: str = NOTHING, **fields: Any) -> WorkflowStep:
    return WorkflowStep(step_id=step_id(number), action=action, **fields)


def _before(number: int) -> tuple[str, ...]:
    return (step_id(number - 1),) if number else ()
