"""Whether what a run says it keeps of another is what that one left: the worker reads it from there before the run begins.

The arguments of a run are written by whoever starts it. A completed step in them, an approval above all, counts only if the run
it is said to come from has it.
"""

from __future__ import annotations

from collections.abc import Sequence

from temporalio.client import Client

from advanced_workflow.client.reruns.effects import ended_run
from advanced_workflow.client.reruns.left import standing_of
from advanced_workflow.client.reruns.plan import checkpoint_of, plan_from
from advanced_workflow.client.runs import get_run
from advanced_workflow.workflows.contract import AD_HOC_WORKFLOW_TYPE, ExecutionOptions, PrepareRequest
from advanced_workflow.workflows.definition.signed import asks_signed
from advanced_workflow.workflows.definition.text.load import dump_definition
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import InputInvalid


async def require_kept(
    client: Client,
    options: ExecutionOptions,
    request: PrepareRequest,
    workflow: AdvancedWorkflow,
    served: Sequence[AdvancedWorkflow],
) -> None:
    """Refuse a run that keeps anything but what another left of its own type.

    `workflow` is what the run would run, `served` what this worker has registered for its type, in all versions, the highest first: under a registered
    name only that runs, or what the other run was pinned to.

    Raises:
        InputInvalid: the other run left something else, has not ended, or was of another type or definition.
        RunNotFound, NoAnswer: there is no such run, or no worker that can read it.
    """
    rerun = options.rerun
    if rerun is None:
        return
    run = get_run(client, rerun.run, run_id=rerun.run_id)
    summary = await run.summary()
    if summary.close_time is None:
        raise InputInvalid(f"run {rerun.run!r} has not ended, so that nothing can be kept of it.")
    if summary.workflow_type != request.workflow_type:
        raise InputInvalid(
            f"run {rerun.run!r} is of type {summary.workflow_type!r}, so that a run of type {request.workflow_type!r} "
            "keeps nothing of it."
        )
    point = await checkpoint_of(run)
    known = (point.definition, *map(dump_definition, served))
    if request.workflow_type != AD_HOC_WORKFLOW_TYPE and dump_definition(workflow) not in known:
        raise InputInvalid(
            f"the corrected definition is not what this worker has for {request.workflow_type!r}; give it to the workers "
            "first, then run again."
        )
    today = next((one for one in served if one.version == workflow.version), None) or next(iter(served), None)
    unsigned = asks_signed(today) - asks_signed(workflow) if today is not None else frozenset[str]()
    if unsigned:
        raise InputInvalid(
            f"the definition of run {rerun.run!r} does not ask for signed decisions where that of today does "
            f"({', '.join(sorted(unsigned))}); rerun with the definition of today."
        )
    standing = await standing_of(client, await ended_run(client, rerun.run, rerun.run_id))
    planned = plan_from(
        point,
        summary,
        standing.undone,
        from_step=rerun.from_step,
        input_data=request.input_data,
        definition=workflow,
        started_by=options.started_by,
    ).request
    if planned.model_dump(mode="json", exclude={"left"}) != rerun.model_dump(mode="json", exclude={"left"}):
        raise InputInvalid(
            f"what the run says it keeps is not what run {rerun.run!r} left; start it with 'adw rerun {rerun.run}' of the "
            "workers' release."
        )
