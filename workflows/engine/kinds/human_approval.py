"""`human_approval`: waits for people."""

from __future__ import annotations

from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.engine.step.asking import ask, subject_of
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.failures import failure_of
from advanced_workflow.workflows.errors import ApprovalRejected


async def run_human_approval(step: StepContext) -> Done:
    """Ask, wait for the quorum, a rejection or the deadline, and give the decision."""
    approval = step.plan.step.approval or Approval()
    answer = await ask(step, approval, lambda: subject_of(step))
    if answer.verdict == "rejected" and approval.on_reject == "fail":
        step.record.notes["decisions"] = answer.output["decisions"]
        raise failure_of(ApprovalRejected(answer.rejection))
    return Done(answer.output)
