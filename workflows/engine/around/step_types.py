"""From a step's type to its runner."""

from __future__ import annotations

from typing import assert_never

from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.engine.kinds.action import run_action
from advanced_workflow.workflows.engine.kinds.conditional import run_conditional
from advanced_workflow.workflows.engine.kinds.for_each import run_for_each
from advanced_workflow.workflows.engine.kinds.human_approval import run_human_approval
from advanced_workflow.workflows.engine.kinds.loop import run_loop
from advanced_workflow.workflows.engine.kinds.parallel import run_parallel
from advanced_workflow.workflows.engine.kinds.rollback import run_rollback
from advanced_workflow.workflows.engine.kinds.sub_workflow import run_sub_workflow
from advanced_workflow.workflows.engine.kinds.wait import run_wait
from advanced_workflow.workflows.engine.kinds.webhook import run_webhook
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.errors import NotSupportedYet


async def run_step_type(step: StepContext) -> Done:  # noqa: C901 - one arm for each step type
    """Run the step as its type says. Raises `StepFailure`."""
    kind = step.plan.step.step_type
    match kind:
        case StepType.SEQUENTIAL | StepType.WORKER:
            return await run_action(step)
        case StepType.PARALLEL if step.plan.items is not None:
            return await run_for_each(step)
        case StepType.PARALLEL:
            return await run_parallel(step)
        case StepType.CONDITIONAL:
            return await run_conditional(step)
        case StepType.LOOP:
            return await run_loop(step)
        case StepType.HUMAN_APPROVAL:
            return await run_human_approval(step)
        case StepType.WAIT:
            return await run_wait(step)
        case StepType.WEBHOOK:
            return await run_webhook(step)
        case StepType.SUB_WORKFLOW:
            return await run_sub_workflow(step)
        case StepType.ROLLBACK:
            return await run_rollback(step)
        case StepType.REACT | StepType.ORCHESTRATOR:
            raise NotSupportedYet(f"step {step.path!r}: step type {kind.value!r} is not supported yet.")
        case _:
            assert_never(kind)
