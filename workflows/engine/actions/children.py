"""Child runs: starting one, and waiting for it across histories."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import (
    ApplicationError,
    CancelledError,
    ChildWorkflowError,
    FailureError,
    WorkflowAlreadyStartedError,
)

from advanced_workflow.workflows.contract import (
    EFFECT_UNKNOWN,
    MEMO_STEP,
    WATCH_ACTIVITY,
    WHOSE_ACTIVITY,
    ErrorInfo,
    Json,
    UndoEntry,
    WatchedRun,
    WatchRun,
    WhoseRun,
    cancel_reason,
)
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.engine.graph.driver import ended
from advanced_workflow.workflows.engine.step.context import RunContext, StepContext
from advanced_workflow.workflows.engine.step.failures import told
from advanced_workflow.workflows.engine.step.starting import GateShut, open_gate, require_open
from advanced_workflow.workflows.engine.temporal.activities import own_activity, start_activity
from advanced_workflow.workflows.engine.temporal.outgoing import outgoing, size_of, size_of_texts
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.payloads import decode_own
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled, why_cancelled
from advanced_workflow.workflows.engine.temporal.task_work import count_until_answered
from advanced_workflow.workflows.errors import RollbackIncomplete, StorageFailed
from advanced_workflow.workflows.plain.text import markdown

LOOK_AGAIN = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=10))
"""For an activity that looks at another run until it has an answer."""
_LOOK_TIMEOUT = timedelta(seconds=10)
"""For one attempt to look at another run; it is repeated for as long as it takes."""
CHILD_EVENTS = 5
"""Of a child: initiated, started, ended, and workflow tasks."""


@dataclass(frozen=True, slots=True)
class ChildEnd:
    """How a child run ended: its result object, or its failure. `known` is false where it may have left effects behind."""

    result: dict[str, Json] | None
    error: ErrorInfo | None = None
    known: bool = True
    execution_id: str = ""
    """Where it is known."""
    passed_over: bool = False
    """It was looked at as one that undoes, and is none."""


@dataclass(frozen=True, slots=True)
class Child:
    """A child run to start."""

    workflow_type: str
    id: str
    arguments: list[RawValue]
    summary: str
    step: str = ""
    """Idempotency key of the step it is for: one that runs or completed for it already is taken over, and none started beside it."""
    reuse: WorkflowIDReusePolicy = WorkflowIDReusePolicy.ALLOW_DUPLICATE

    @property
    def size(self) -> int:
        """Bytes that its start sends."""
        return size_of(self.arguments) + size_of_texts(self.workflow_type, self.id, self.summary, self.step)


async def run_child(step: StepContext, child: Child, begin: Callable[[], None]) -> ChildEnd:
    """Start a child and wait for its end. A cancellation is passed on, and the child's own rollback awaited.

    `begin` is called just before it is started. The run may continue as new while the child runs: `watch_child` then takes over.
    """
    run = step.run
    handle = await _start_when_open(step, child, begin)
    if handle is None and child.step and patched(Patch.RULES_2):
        with run.continuation.staying():
            looking = asyncio.ensure_future(_whose(child))
            cancelled = await ended(looking)
        if looking.result() == "ours":  # This run was reset, or an operator runs the step again.
            return await watch_child(run, child.id, step.path, cancelled=cancelled)
        if looking.result() == "ended" and not cancelled:  # It belongs to an earlier run of this one's id.
            again = replace(child, reuse=WorkflowIDReusePolicy.ALLOW_DUPLICATE)
            handle = await _start_when_open(step, again, lambda: None)
    end = asyncio.ensure_future(child_end(handle, child.id))
    if not is_being_cancelled():
        with contextlib.suppress(asyncio.CancelledError):
            return await asyncio.shield(end)
        if handle is not None:
            handle.cancel(_reason())
    # Another history would not know that it was cancelled, and why.
    with run.continuation.staying():
        await ended(end)
    return end.result()


async def _start_when_open(
    step: StepContext, child: Child, begin: Callable[[], None]
) -> workflow.ChildWorkflowHandle[Any, RawValue] | None:
    while True:
        await open_gate(step)
        with contextlib.suppress(GateShut):
            async with step.run.continuation.flight(CHILD_EVENTS):
                await step.run.budget.room_for(child.size)
                require_open(step)
                begin()
                return await start_child(child)


async def start_child(child: Child) -> workflow.ChildWorkflowHandle[Any, RawValue] | None:
    """Start a child. A cancellation meanwhile is passed on to it as soon as it is there: only then its end can be awaited."""
    outgoing().count(child.size)
    starting = asyncio.ensure_future(
        workflow.start_child_workflow(
            child.workflow_type,
            args=child.arguments,
            id=child.id,
            result_type=RawValue,
            static_summary=markdown(child.summary),
            id_reuse_policy=child.reuse,
            memo={MEMO_STEP: child.step} if child.step else None,
            # For the server a run that continues as new closes, too. What a child does is ended by the engine, not by a policy.
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
        )
    )
    count_until_answered(starting)
    cancelled = await ended(starting)
    try:
        handle = starting.result()
    except WorkflowAlreadyStartedError:
        return None
    if cancelled:
        handle.cancel(_reason())
    return handle


async def child_end(handle: workflow.ChildWorkflowHandle[Any, RawValue] | None, id: str) -> ChildEnd:
    """Wait for the end of a started child; None says that its id was taken."""
    if handle is None:
        message = f"a run of id {id!r} is there already; end it, then run the step again."
        return ChildEnd(None, ErrorInfo(type="RunExists", message=message))
    try:
        end = _completed(await handle, id)
    except ChildWorkflowError as error:
        end = _failed(error.cause, id)
    return replace(end, execution_id=handle.first_execution_run_id or "")


async def _whose(child: Child) -> str:
    request = WhoseRun(workflow_id=child.id, step=child.step).model_dump(mode="json")
    answer = await own_activity(
        WHOSE_ACTIVITY, [request], summary=f"whose run {child.id} is", attempt_timeout=_LOOK_TIMEOUT
    )
    return decode_own(answer, "whose run it is")


async def watch_child(run: RunContext, id: str, path: StepPath, *, cancelled: bool = False) -> ChildEnd:
    """Wait for a child that was started in an earlier history; its end is looked up. A cancellation is passed on to it."""
    end = asyncio.ensure_future(watch_run(id, path.watch_id))
    if not cancelled:
        with contextlib.suppress(asyncio.CancelledError):
            return await asyncio.shield(end)
    with run.continuation.staying():
        await ended(asyncio.ensure_future(_cancel(id)))
        await ended(end)
    return end.result()


def _reason() -> str | None:
    """What a child is told that is cancelled: who asked the run to end and why, or else that the run needs it no more."""
    if not patched(Patch.RULES_4):
        return None
    return why_cancelled() or cancel_reason(f"run {workflow.info().workflow_id}", "it is not needed any more")


async def _cancel(id: str) -> None:
    # A run that has just ended cannot be cancelled, and its end is about to be seen.
    with contextlib.suppress(FailureError):
        await workflow.get_external_workflow_handle(id).cancel(reason=_reason() or "")


async def watch_run(id: str, activity_id: str, *, undoes: bool = False) -> ChildEnd:
    """Look a run up until it has ended, whoever started it; one that `undoes` is passed over where it is a stranger's."""
    answer = await start_activity(
        WATCH_ACTIVITY,
        [WatchRun(workflow_id=id, undoes=undoes).model_dump(mode="json", exclude_defaults=True)],
        id=activity_id,
        summary=f"end of {id}",
        timeout=timedelta(seconds=30),
        retries=LOOK_AGAIN,
        cancellation=workflow.ActivityCancellationType.TRY_CANCEL,
    )
    seen = WatchedRun.model_validate(decode_own(answer, "the end of a child"))
    if seen.passed_over:
        return ChildEnd(None, passed_over=True)
    if seen.status == "completed":
        return ChildEnd(seen.result, execution_id=seen.run_id)
    error = _error(seen.type, seen.message, seen.details, id)
    return ChildEnd(_details(seen.details), error, seen.status == "failed", seen.run_id)


def child_entries(report: Json, id: str) -> list[UndoEntry]:
    """The entries of a child's report, marked with the run that has them in its history."""
    entries = cast("dict[str, Any]", report or {}).get("entries", [])
    found = [UndoEntry.model_validate(one) for one in entries]
    return [one.model_copy(update={"run": one.run or id}) for one in found]


def _completed(answer: RawValue, id: str) -> ChildEnd:
    try:
        return ChildEnd(cast("dict[str, Json]", decode_own(answer, f"the result of run {id!r}")))
    except StorageFailed as error:  # What it did is in its history.
        return ChildEnd(None, ErrorInfo(type=error.code, message=str(error)), known=False)


def _failed(cause: BaseException | None, id: str) -> ChildEnd:
    if isinstance(cause, CancelledError):
        return ChildEnd(None, ErrorInfo(type="Cancelled", message=f"run {id!r} was cancelled."))
    if isinstance(cause, ApplicationError):
        details: Json = cause.details[0] if cause.details else None
        if details == EFFECT_UNKNOWN:  # Its report could not be read.
            return ChildEnd(None, _error(cause.type or "", cause.message, None, id), known=False)
        return ChildEnd(_details(details), _error(cause.type or "", cause.message, details, id))
    name = type(cause).__name__
    return ChildEnd(None, ErrorInfo(type=name, message=f"run {id!r} did not end by itself: {cause}"), known=False)


_NOT_UNDONE = "; not everything it did was undone."
"""What is said of a child after its failure, once however deep it was."""


def _error(kind: str, message: str, details: Json, id: str) -> ErrorInfo:
    """The failure of the child's own step where there is one: that is what error handlers are chosen by.

    Of a child that could not undo everything the cause is told first: what was not undone has rows of its own in the parent's report.
    """
    inner = cast("dict[str, str]", (_details(details) or {}).get("error") or {})
    if kind == RollbackIncomplete.code and inner.get("message") and patched(Patch.RULES_4):
        cause = told(ErrorInfo.model_validate(inner)).removesuffix(_NOT_UNDONE).rstrip(".")
        message = f"{cause}{_NOT_UNDONE}"
    return ErrorInfo(
        type=inner.get("type") or kind, message=f"run {id!r}: {message}", details={"run": id, "code": kind}
    )


def _details(details: Json) -> dict[str, Json] | None:
    return cast("dict[str, Json]", details) if isinstance(details, dict) else None
