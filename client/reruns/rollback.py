"""Undoing what an ended run left: `adw rollback RUN`."""

from __future__ import annotations

import contextlib
from typing import Any, cast

from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError

from advanced_workflow.client.reruns.effects import Attempt, EndedRun, attempts, effects_of, ended_run
from advanced_workflow.client.service.errors import read_answer, translated_errors
from advanced_workflow.workflows.contract import UNDO_WORKFLOW_TYPE, EffectsOf, RollbackReport, UndoRequest
from advanced_workflow.workflows.contract.paths import undo_run_id
from advanced_workflow.workflows.errors import OperationRefused, RollbackIncomplete


async def retry_rollback(
    client: Client, id: str, *, run_id: str | None = None, by: str | None = None
) -> RollbackReport:
    """Undo what an ended run left, in a run of its own, and wait for its end.

    That is what it could not undo itself, and of a run that was ended by force (terminated, too large, out of time) all that it did, as
    its history says. Each undo action is called with the same input and idempotency key as ever. Where somebody else has begun to
    undo it, by this run, its parent or its child, that is waited for and nothing is called again. `complete` is false when some failed.

    Raises:
        OperationRefused: the run has not ended, or nothing of it is left to undo, or a rerun has taken its effects over.
        RunNotFound, NoAnswer: there is no such run, or no worker that can read its history.
    """
    async with translated_errors(id, "rollback"):
        ended = await ended_run(client, id, run_id)
        found = await effects_of(client, ended)
        if not found.began:
            raise OperationRefused(
                f"run {id!r} was ended before it began, so it has nothing to undo; what a rerun was to keep is still with the run it repeats, "
                "and 'adw rollback' of that one undoes it."
            )
        while True:
            made = await attempts(client, ended, found.execution_id, rest=ended.completed)
            last = made.last
            if last is not None and last.running:
                if await _began(client, last):
                    return await _report_of(client, last.run.id, id)
                continue
            source = await _still_open(client, ended, found.steps, last)
            name = undo_run_id(id, found.execution_id, made.next_number, completed=ended.completed)
            try:
                await client.start_workflow(
                    UNDO_WORKFLOW_TYPE,
                    UndoRequest(of=source, run=id, by=by).model_dump(mode="json"),
                    id=name,
                    task_queue=ended.task_queue,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    static_summary=f"rollback of {id}",
                )
            except WorkflowAlreadyStartedError:
                continue  # Somebody else was faster: theirs is the one to wait for.
            return await _report_of(client, name, id)


async def _still_open(client: Client, ended: EndedRun, steps: list[str], last: Attempt | None) -> EffectsOf:
    """From which run what is left is read. Raises `OperationRefused` where nothing is."""
    if last is None:
        if steps:
            return ended.of
        raise OperationRefused(f"run {ended.id!r} has nothing left to undo; 'adw show {ended.id}' shows how it ended.")
    if last.taken_by is not None:
        message = (
            f"what run {ended.id!r} did belongs to {last.taken_by!r} now; 'adw rollback {last.taken_by}' undoes it."
        )
        raise OperationRefused(message)
    left = await effects_of(client, last.run)
    if not left.steps:
        raise OperationRefused(f"run {ended.id!r} has nothing left to undo; {last.run.id!r} undid the rest.")
    return last.run.of


async def _began(client: Client, attempt: Attempt) -> bool:
    """Wait for the end of an attempt; gives whether it undid anything."""
    with contextlib.suppress(WorkflowFailureError):
        await client.get_workflow_handle(attempt.run.id).result()
    return (await effects_of(client, attempt.run)).began


async def _report_of(client: Client, name: str, id: str) -> RollbackReport:
    again: WorkflowHandle[Any, Any] = client.get_workflow_handle(name)
    try:
        answer: object = await again.result()
    except WorkflowFailureError as error:
        cause = error.cause
        if not isinstance(cause, ApplicationError):
            message = f"run {name!r} was ended by force; 'adw rollback {id}' undoes what it left."
            raise OperationRefused(message) from error
        if cause.type != RollbackIncomplete.code or not cause.details:
            raise OperationRefused(cause.message) from error
        answer = cause.details[0]
    report = cast("dict[str, Any]", answer).get("rollback") if isinstance(answer, dict) else None
    return read_answer(RollbackReport, report, id)
