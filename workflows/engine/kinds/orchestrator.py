"""`orchestrator`: analyses a task, plans it, and has workers do it."""

from __future__ import annotations

from advanced_workflow.workflows.definition.kinds.orchestrator import ENTERPRISE
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.actions.armed_call import arm, settled_as_a_whole
from advanced_workflow.workflows.engine.actions.mapped_input import mapped_input
from advanced_workflow.workflows.engine.containers.tolerated import run_undone_as_new
from advanced_workflow.workflows.engine.graphs.running import run_user_graph
from advanced_workflow.workflows.engine.orchestration.enterprise import run_enterprise
from advanced_workflow.workflows.engine.orchestration.state import (
    EnterpriseWorkflowState,
    allow_again,
    begin_state,
    standing_of,
)
from advanced_workflow.workflows.engine.step.context import Done, StepContext


async def run_orchestrator(step: StepContext) -> Done:
    """Run the graph until nothing of the task is left; the output is what its subtasks gave, and each decision.

    An operator who runs it again has it continue where it stood, with all of its limits once more.
    """
    made = step.plan.step.orchestrator
    if made is None:
        raise AssertionError(f"step {step.path!r} has no 'orchestrator'")
    if made.graph != ENTERPRISE:
        return await run_user_graph(step, made)
    is_new = step.record.status is StepStatus.PENDING
    if is_new:
        run_undone_as_new(step)
    state = standing_of(step.record)
    if state is None:
        state = await _begin(step)
    elif is_new:
        allow_again(state)
    step.begin()
    return await settled_as_a_whole(step, run_enterprise(step, made, state), lambda: bool(state["budget"]["passes"]))


async def _begin(step: StepContext) -> EnterpriseWorkflowState:
    with step.reading("input_mapping"):
        value = await mapped_input(step)
    with step.reading("orchestrator.task"):
        task = step.plan.task.evaluate(step.scope()) if step.plan.task is not None else value
    arm(step, step.path, step.frame.undo, step.key, value)
    return begin_state(step.record, step.run.plan.workflow.workflow_id, task)
