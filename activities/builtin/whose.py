"""Built-in activity with which a run finds out whether a run that has the id of its child is its child."""

from __future__ import annotations

from typing import Any

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus

from advanced_workflow.workflows.contract import MEMO_STEP, WHOSE_ACTIVITY, WhoseRun


@activity.defn(name=WHOSE_ACTIVITY)
async def whose_run(request: Any) -> str:  # noqa: ANN401 - JSON; the model checks it
    """Take a `WhoseRun`; give `ours`, or of another's whether it is `running` or has `ended`.

    Who its parent is says the server, so nobody who may start runs can pass one off as a child.
    """
    wanted = WhoseRun.model_validate(request)
    seen = await activity.client().get_workflow_handle(wanted.workflow_id).describe()
    # A stranger's memo may hold what cannot be read.
    if seen.parent_id == activity.info().workflow_id and (await seen.memo()).get(MEMO_STEP) == wanted.step:
        return "ours"
    return "running" if seen.status is WorkflowExecutionStatus.RUNNING else "ended"
