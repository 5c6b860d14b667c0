"""The local activities of a run itself: pinning its definition, and having itself cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import FailureError

from advanced_workflow.workflows.contract import (
    CANCEL_ACTIVITY,
    PREPARE_ACTIVITY,
    TAKE_OVER_ACTIVITY,
    TAKEOVER_WORKFLOW_TYPE,
    Json,
    Prepared,
    PrepareRequest,
    RerunOf,
    TakeOver,
)
from advanced_workflow.workflows.contract.paths import undo_run_id
from advanced_workflow.workflows.engine.actions.children import Child, start_child
from advanced_workflow.workflows.engine.graph.driver import ended
from advanced_workflow.workflows.engine.run.arguments import failure
from advanced_workflow.workflows.engine.step.failures import failure_of_activity
from advanced_workflow.workflows.engine.temporal.activities import own_activity
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.payloads import decode_own, encode
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog

PREPARE_TIMEOUT = timedelta(seconds=30)
"""Finding and checking the largest definition takes a few seconds."""
CANCEL_TIMEOUT = timedelta(seconds=10)
"""One attempt; it is repeated for as long as it takes."""


async def require_cancelled() -> None:
    """A run that was cancelled in an earlier history is cancelled again: only then can it end as cancelled."""
    if is_being_cancelled():
        return
    with contextlib.suppress(asyncio.CancelledError, FailureError):
        # The server lets no run cancel itself; a worker may ask for it.
        await own_activity(CANCEL_ACTIVITY, attempt_timeout=CANCEL_TIMEOUT, summary="end as cancelled")
    if not is_being_cancelled():
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.get_running_loop().create_future()


async def take_over(rerun: RerunOf | None) -> None:
    """Have the server record that the effects which a rerun keeps are its own. Raises `ApplicationError` where they are another's."""
    if rerun is None or rerun.undo is None or not UndoLog.load(rerun.undo).needs_undo or not patched(Patch.RULES_2):
        return
    taking = asyncio.ensure_future(_take_over(rerun))
    cancelled = await ended(taking)
    taking.result()
    this = asyncio.current_task()
    if cancelled and this is not None:
        this.cancel()  # The effects have no other owner now: the run begins, and undoes them at once.


async def _take_over(rerun: RerunOf) -> None:
    """The record is a child of this run: so the server says whose it is, and nobody else can make one."""
    info = workflow.info()
    for attempt in itertools.count(1):
        taken = TakeOver(
            run=rerun.run,
            execution_id=rerun.execution_id or rerun.run_id,
            by=info.workflow_id,
            by_execution=info.first_execution_run_id,
            attempt=attempt,
        )
        data = taken.model_dump(mode="json")
        record = Child(
            TAKEOVER_WORKFLOW_TYPE,
            undo_run_id(taken.run, taken.execution_id, attempt),
            [encode(data, "the record of whose the effects are")],
            f"effects of {taken.run} belong to {taken.by}",
            reuse=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        )
        if await start_child(record) is not None or await _is_ours(data):
            return


async def _is_ours(record: dict[str, Json]) -> bool:
    """Whether the id of a record has one of this run already, as when it was reset. Raises `ApplicationError` where it is another's."""
    try:
        answer = await own_activity(
            TAKE_OVER_ACTIVITY,
            [record],
            summary=f"take over the effects of {record['run']}",
            total_timeout=PREPARE_TIMEOUT,
        )
    except FailureError as error:
        cause = failure_of_activity(error, TAKE_OVER_ACTIVITY).error
        raise failure(cause.type, cause.message) from error
    return decode_own(answer, "whose the effects are") == "ours"


async def prepare(request: PrepareRequest) -> Prepared:
    """Find, check and pin the definition: one marker in the history."""
    info = workflow.info()
    first = info.root.workflow_id if info.root is not None else info.workflow_id
    beginning = {"run": first, "is_first": info.root is None, "began": info.workflow_start_time.timestamp()}
    request = request.model_copy(update=beginning)
    try:
        answer = await own_activity(
            PREPARE_ACTIVITY,
            [{name: getattr(request, name) for name in PrepareRequest.model_fields}],
            summary="check and pin the definition",
            total_timeout=PREPARE_TIMEOUT,
            retries=RetryPolicy(maximum_attempts=3),
        )
    except FailureError as error:
        cause = failure_of_activity(error, PREPARE_ACTIVITY).error
        raise failure(cause.type, cause.message) from None
    return Prepared.model_validate(decode_own(answer, "the prepared definition"))
