"""From a step's type to its runner."""

from __future__ import annotations

from typing import assert_never

from workflows.definition.models import StepType
from workflows.engine.context import Done, StepContext
from workflows.engine.steps.action import run_action
from workflows.engine.steps.conditional import run_conditional
from workflows.engine.steps.for_each import run_for_each
from workflows.engine.steps.human_approval import run_human_approval
from workflows.engine.steps.loop import run_loop
from workflows.engine.steps.parallel import run_parallel
from workflows.engine.steps.rollback import run_rollback
from workflows.engine.steps.sub_workflow import run_sub_workflow
from workflows.engine.steps.wait import run_wait
from workflows.engine.steps.webhook import run_webhook
from workflows.errors import NotSupportedYet


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
