"""Starting a run again with what it completed: `adw rerun RUN`.

A completed step of the definition's own graph is kept, with all that ran inside of it, unless there is a reason to run it again;
every reason is told. What is kept is undone with the rest if the new run fails.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, cast

from pydantic import JsonValue
from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy

from advanced_workflow.client.reruns.effects import ended_run, told
from advanced_workflow.client.reruns.fit import Comparison, is_handler, owner_of, reasons_to_run_again
from advanced_workflow.client.reruns.left import standing_of
from advanced_workflow.client.reruns.variables import conflicts, variables_left
from advanced_workflow.client.runs import ANSWER_TIMEOUT, Run, get_run, start
from advanced_workflow.client.service.description import RunSummary
from advanced_workflow.client.service.errors import read_answer, translated_errors
from advanced_workflow.client.settings import Settings, load_settings
from advanced_workflow.workflows.contract import (
    AD_HOC_WORKFLOW_TYPE,
    QUERY_CHECKPOINT,
    Checkpoint,
    Effects,
    ExecutionOptions,
    KeptStep,
    RerunOf,
)
from advanced_workflow.workflows.definition.graph.layout import lay_out
from advanced_workflow.workflows.definition.text.load import dump_definition
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import OperationRefused


@dataclass(frozen=True, slots=True)
class Rerun:
    """What a new run would keep of an old one, and why the rest runs again."""

    request: RerunOf
    kept: tuple[str, ...]
    """Ids of the steps whose results are kept, in the definition's order."""
    again: dict[str, str]
    """Id of a completed step that runs again -> why."""
    workflow: AdvancedWorkflow
    input_data: JsonValue
    options: ExecutionOptions
    registered: bool
    """Whether the old run was of a registered definition."""
    left: Effects = field(default_factory=Effects)
    """Effects of the old run that the new one does not take over, and nobody has undone."""


async def plan_rerun(
    client: Client,
    id: str,
    *,
    run_id: str | None = None,
    from_step: str | None = None,
    input_data: JsonValue = None,
    definition: AdvancedWorkflow | None = None,
    started_by: str | None = None,
) -> Rerun:
    """Look at a closed run and say what a new one would keep. Nothing is started.

    `from_step` runs that step (of the definition's own graph, or nested in it) and all after it again; `input_data` and
    `definition` replace those of the run where they are not None. `started_by` is who will start it, by default `ADW_USER`.

    Raises:
        OperationRefused: the run has not ended, there is no such step, or everything could be kept, so that nothing would run.
        RunNotFound, NoAnswer: there is no such run, or no worker that can read it.
    """
    summary = await get_run(client, id, run_id=run_id).summary()
    if summary.close_time is None:
        raise OperationRefused(f"run {id!r} has not ended; wait for it, or cancel it first.")
    async with translated_errors(id, "rerun"):
        ended = await ended_run(client, id, summary.run_id)
        point = await checkpoint_of(get_run(client, id, run_id=ended.run_id))
        standing = await standing_of(client, ended)
    summary = replace(summary, run_id=ended.run_id)
    planned = plan_from(
        point,
        summary,
        standing.undone,
        from_step=from_step,
        input_data=input_data,
        definition=definition,
        started_by=started_by or load_settings().user,
    )
    if standing.taken_by is not None and standing.kept(planned.workflow, planned.kept):
        raise OperationRefused(
            f"the effects of run {id!r} belong to {standing.taken_by!r}, which kept its results; rerun that one."
        )
    old = AdvancedWorkflow.model_validate(point.definition)
    # Who names a step of a completed run wants it and what follows once more.
    named = ended.completed and from_step is not None
    wanted = _again(Comparison(lay_out(old), point, point.input_data), from_step) if named else {}
    return replace(planned, left=standing.left(planned.workflow, planned.kept, wanted))


async def checkpoint_of(run: Run) -> Checkpoint:
    """What an ended run left."""
    async with translated_errors(run.id, "rerun"):
        answer: object = await run.asked.query(QUERY_CHECKPOINT, rpc_timeout=ANSWER_TIMEOUT)
    return read_answer(Checkpoint, answer, run.id)


def plan_from(
    point: Checkpoint,
    summary: RunSummary,
    undone: Iterable[str] = (),
    *,
    from_step: str | None = None,
    input_data: JsonValue = None,
    definition: AdvancedWorkflow | None = None,
    started_by: str | None = None,
) -> Rerun:
    """What a new run keeps of what an ended one left, as `plan_rerun` says; only what is given decides.

    `undone` are steps whose effects another run has undone since.
    """
    workflow = definition or AdvancedWorkflow.model_validate(point.definition)
    new_input = point.input_data if input_data is None else input_data
    again = _again(Comparison(lay_out(workflow), point, new_input, started_by), from_step, undone)
    kept = tuple(one.step_id for one in workflow.steps if one.step_id in point.steps and one.step_id not in again)
    if len(kept) == len([one for one in workflow.steps if not is_handler(workflow, one.step_id)]):
        raise OperationRefused(f"run {summary.id!r} completed all its steps; say where to begin with --from STEP.")
    request = RerunOf(
        run=summary.id,
        run_id=summary.run_id,
        execution_id=point.execution_id,
        from_step=from_step,
        definition=dump_definition(workflow),
        records=[record for step_id in kept for record in point.steps[step_id].records],
        undo=_undo([point.steps[step_id] for step_id in kept]),
        variables=variables_left(workflow, point, new_input, frozenset(kept)),
    )
    return Rerun(
        request=request,
        kept=kept,
        again={step_id: why for step_id, why in again.items() if step_id in point.steps},
        workflow=workflow,
        input_data=new_input,
        # A start is signed for one run.
        options=ExecutionOptions.model_validate({**point.options, "rerun": request}).model_copy(update={"token": None}),
        registered=summary.workflow_type != AD_HOC_WORKFLOW_TYPE,
    )


async def start_rerun(
    client: Client,
    planned: Rerun,
    *,
    id: str | None = None,
    task_queue: str | None = None,
    settings: Settings | None = None,
    anyway: bool = False,
    id_reuse_policy: WorkflowIDReusePolicy = WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    token: str | None = None,
) -> Run:
    """Start the new run; its `state` names the old one. `token` signs its start, as `ExecutionOptions.token`.

    Raises as `client.start` does, and `OperationRefused` where effects of the old run would be left behind, unless that is to be
    so `anyway`: the new run's audit trail then says who wanted it, and what was left.
    """
    settings = settings or load_settings()
    request = planned.request
    if planned.left.steps:
        left = told(planned.left)
        if not anyway:
            raise OperationRefused(
                f"run {request.run!r} left effects that nobody has undone: {left}; 'adw rollback {request.run}' undoes them, "
                "'--anyway' leaves them and repeats their steps all the same."
            )
        request = request.model_copy(update={"left": left})
    workflow = planned.workflow.workflow_id if planned.registered else planned.workflow
    options = planned.options.model_copy(update={"started_by": settings.user, "rerun": request, "token": token})
    return await start(
        client,
        workflow,
        planned.input_data,
        id=id,
        options=options,
        task_queue=task_queue,
        id_reuse_policy=id_reuse_policy,
        settings=settings,
    )


def _again(comparison: Comparison, from_step: str | None, undone: Iterable[str] = ()) -> dict[str, str]:
    """Why each step that runs again does so, by its id."""
    forced = {} if from_step is None else {owner_of(comparison.layout, from_step): "it was named."}
    forced |= dict.fromkeys(undone, "'adw rollback' went over it.")
    while True:
        again = reasons_to_run_again(comparison, forced)
        kept = frozenset(step_id for step_id in comparison.point.steps if step_id not in again)
        more = conflicts(comparison.layout.workflow, kept)
        if not more:
            return again
        forced.update(more)


def _undo(kept: list[KeptStep]) -> JsonValue:
    """One undo log of several parts."""
    parts = [cast("list[dict[str, Any]]", one.undo) for one in kept if one.undo is not None]
    return [{name: value for part in parts for name, value in part[number].items()} for number in (0, 1)]
