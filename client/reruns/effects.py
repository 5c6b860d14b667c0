"""What an ended run left: its open effects, and who has undone them or taken them over since."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from temporalio.client import (
    Client,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowHistoryEventFilterType,
)
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.client.runs import ANSWER_TIMEOUT
from advanced_workflow.client.service.asking import reads_histories
from advanced_workflow.client.service.errors import read_answer
from advanced_workflow.workflows.contract import (
    QUERY_EFFECTS,
    ROLLBACK_WORKFLOW_TYPE,
    TAKEOVER_WORKFLOW_TYPE,
    UNDO_WORKFLOW_TYPE,
    Effects,
    EffectsOf,
    EffectsRequest,
)
from advanced_workflow.workflows.contract.paths import undo_run_id
from advanced_workflow.workflows.contract.undo_ids import owner_of, undoes
from advanced_workflow.workflows.errors import OperationRefused

_NAMED = 5
"""Effects that a sentence names."""
_OWN_TYPES = (UNDO_WORKFLOW_TYPE, TAKEOVER_WORKFLOW_TYPE, ROLLBACK_WORKFLOW_TYPE)


@dataclass(frozen=True, slots=True)
class EndedRun:
    """A run that has ended, by its last history."""

    id: str
    run_id: str
    task_queue: str
    completed: bool

    @property
    def of(self) -> EffectsOf:
        """How an undo run is told of it."""
        return EffectsOf(workflow_id=self.id, run_id=self.run_id)


@dataclass(frozen=True, slots=True)
class Attempt:
    """A run that undoes what another left, or the record that the effects belong to a rerun."""

    run: EndedRun
    running: bool = False
    taken_by: str | None = None
    """The rerun that has them."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """Those that were made: the latest one that counts, and the number of the first whose id is free."""

    last: Attempt | None
    next_number: int


async def ended_run(client: Client, id: str, run_id: str | None) -> EndedRun:
    """The run as it ended, in the last of the histories that continue one another. Raises `OperationRefused`, `RPCError`."""
    while True:
        handle: WorkflowHandle[Any, Any] = client.get_workflow_handle(id, run_id=run_id)
        seen = await handle.describe()
        if seen.status is not WorkflowExecutionStatus.CONTINUED_AS_NEW:
            break
        async for event in handle.fetch_history_events(event_filter_type=WorkflowHistoryEventFilterType.CLOSE_EVENT):
            run_id = event.workflow_execution_continued_as_new_event_attributes.new_execution_run_id
    if seen.status is WorkflowExecutionStatus.RUNNING:
        raise OperationRefused(f"run {id!r} has not ended; 'adw cancel {id}' undoes it.")
    if seen.workflow_type in _OWN_TYPES:
        raise OperationRefused(f"run {id!r} only undoes what another run left; name that one.")
    return EndedRun(id, seen.run_id, seen.task_queue, seen.status is WorkflowExecutionStatus.COMPLETED)


async def effects_of(client: Client, run: EndedRun, *, standing: bool = False) -> Effects:
    """What is open of a run; with `standing` also what a completed one did and is to stand."""
    request = EffectsRequest(completed=run.completed and not standing)
    handle: WorkflowHandle[Any, Any] = reads_histories(client).get_workflow_handle(run.id, run_id=run.run_id)
    answer: object = await handle.query(QUERY_EFFECTS, request.model_dump(mode="json"), rpc_timeout=ANSWER_TIMEOUT)
    return read_answer(Effects, answer, run.id)


async def attempts(client: Client, ended: EndedRun, execution_id: str, *, rest: bool = False) -> Attempts:
    """The runs that undid, or undo, what this one left, and the record of who took it over: those the server vouches for.

    With `rest` those for what a completed run could not undo.
    """
    last: Attempt | None = None
    number = 1
    while True:
        name = undo_run_id(ended.id, execution_id, number, completed=rest)
        seen = await _description(client, name, None)
        if seen is None:
            return Attempts(last, number)
        last = await _attempt(client, ended, seen) or last
        number += 1


async def _attempt(client: Client, ended: EndedRun, seen: WorkflowExecutionDescription) -> Attempt | None:
    """The attempt that a run of such an id is; None for a stranger's, and for one that never began."""
    run = EndedRun(seen.id, seen.run_id, seen.task_queue, seen.status is WorkflowExecutionStatus.COMPLETED)
    owner = await owner_of(seen, partial(_description, client), partial(_had_begun, client))
    if owner is not None:
        return Attempt(run, taken_by=owner)
    if not undoes(seen, ended.task_queue):
        return None
    if seen.status is WorkflowExecutionStatus.RUNNING:
        return Attempt(run, running=True)
    return Attempt(run) if (await effects_of(client, run)).began else None


async def _description(client: Client, id: str, run_id: str | None) -> WorkflowExecutionDescription | None:
    try:
        return await client.get_workflow_handle(id, run_id=run_id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def _had_begun(client: Client, id: str, run_id: str) -> bool:
    return (await effects_of(client, EndedRun(id, run_id, "", completed=False))).began


def told(effects: Effects) -> str:
    """The first of the effects by name: `undo for pay, undo for ship and 3 more`."""
    names = [f"{one.action or 'its run'} for {one.path}" for one in effects.entries]
    names = names or [f"what is inside of {step}" for step in effects.steps]
    more = len(names) - _NAMED
    rest = f" and {more} more" if more > 0 else " and more" if effects.entries_left_out else ""
    return ", ".join(names[:_NAMED]) + rest
