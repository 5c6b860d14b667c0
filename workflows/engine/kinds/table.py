"""From a step's type to its runner."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.engine.kinds.action import run_action
from advanced_workflow.workflows.engine.kinds.assign import run_assign
from advanced_workflow.workflows.engine.kinds.conditional import run_conditional
from advanced_workflow.workflows.engine.kinds.human_approval import run_human_approval
from advanced_workflow.workflows.engine.kinds.loop import run_loop
from advanced_workflow.workflows.engine.kinds.orchestrator import run_orchestrator
from advanced_workflow.workflows.engine.kinds.parallel import run_parallel
from advanced_workflow.workflows.engine.kinds.raising import run_raise
from advanced_workflow.workflows.engine.kinds.react import run_react
from advanced_workflow.workflows.engine.kinds.rollback import run_rollback
from advanced_workflow.workflows.engine.kinds.sub_workflow import run_sub_workflow
from advanced_workflow.workflows.engine.kinds.wait import run_wait
from advanced_workflow.workflows.engine.kinds.webhook import run_webhook
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext

KINDS: Mapping[StepType, RunStep] = {
    StepType.SEQUENTIAL: run_action,
    StepType.WORKER: run_action,
    StepType.PARALLEL: run_parallel,
    StepType.CONDITIONAL: run_conditional,
    StepType.LOOP: run_loop,
    StepType.HUMAN_APPROVAL: run_human_approval,
    StepType.REACT: run_react,
    StepType.ORCHESTRATOR: run_orchestrator,
    StepType.WEBHOOK: run_webhook,
    StepType.WAIT: run_wait,
    StepType.SUB_WORKFLOW: run_sub_workflow,
    StepType.ROLLBACK: run_rollback,
    StepType.ASSIGN: run_assign,
    StepType.RAISE: run_raise,
}


def run_kind(step: StepContext) -> Awaitable[Done]:
    """Run the step as its type says."""
    return KINDS[step.plan.step.step_type](step)
