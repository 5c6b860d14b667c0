"""Which asking a person means who decides a step of a run."""

from __future__ import annotations

from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.contract import PendingApproval
from advanced_workflow.workflows.definition.problems.places import listed
from advanced_workflow.workflows.errors import UnknownStep


async def open_asking(run: Run, step: str) -> PendingApproval | None:
    """The one approval that the run waits for under this id or path; None where none does.

    Raises:
        UnknownStep: several copies or rounds of the step ask now; the sentence names them.
    """
    asked = [one for one in await run.pending_approvals() if step in (one.path, one.step_id)]
    if len(asked) > 1:
        paths = listed([one.path for one in asked])
        raise UnknownStep(f"run {run.id!r}: step {step!r} asks {len(asked)} times: name one of {paths}.")
    return asked[0] if asked else None
