"""`human_approval`: waits for people."""

from __future__ import annotations

from advanced_workflow.workflows.engine.step.asking import approval_of, ask, exact_call, rejected, subject_of
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.failures import failure_of
from advanced_workflow.workflows.errors import ApprovalRejected


async def run_human_approval(step: StepContext) -> Done:
    """Ask, wait for the quorum, a rejection or the deadline, and give the decision."""
    approval, is_call = approval_of(step), step.plan.tool is not None
    answer = await ask(
        step, approval, lambda: exact_call(step, step.frame.names["call"]) if is_call else subject_of(step)
    )
    if answer.verdict == "rejected" and approval.on_reject == "fail":
        step.record.notes["decisions"] = answer.output["decisions"]
        if is_call:
            raise rejected(answer)
        raise failure_of(ApprovalRejected(answer.rejection))
    return Done(answer.output)
