"""`sub_workflow`: runs another definition as a child workflow of its own type."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, WorkflowIDReusePolicy

from advanced_workflow.workflows.contract import (
    PAYLOAD_LIMIT_BYTES,
    ErrorInfo,
    ExecutionOptions,
    Json,
    retry_delay,
)
from advanced_workflow.workflows.engine.actions.armed_call import settle_armed, undo_times
from advanced_workflow.workflows.engine.actions.children import Child, ChildEnd, child_entries, run_child, watch_child
from advanced_workflow.workflows.engine.actions.mapped_input import mapped_input
from advanced_workflow.workflows.engine.actions.step_activities import summary_for
from advanced_workflow.workflows.engine.graph.driver import ended
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure, failure_of
from advanced_workflow.workflows.engine.step.waiting import deadline_in, sleep_or_skip
from advanced_workflow.workflows.engine.temporal.clock import answer_before
from advanced_workflow.workflows.engine.temporal.outgoing import size_of
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.payloads import encode, encode_built
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled
from advanced_workflow.workflows.engine.undo.armed import Armed, StepOutcome
from advanced_workflow.workflows.errors import PayloadTooLarge, StepTimeout


async def run_sub_workflow(step: StepContext) -> Done:
    """Run the child and give its result. What it did is undone with the parent's, by a run that ends in `-rollback`.

    A child that fails has undone itself. It is tried again only where the step's own policy sets `max_attempts`, and its time is
    bounded only where the step sets `timeout`: it has a timeout and retries of its own.
    """
    attempts = step.plan.step.retry_policy.max_attempts or 1
    cursor = step.record.cursor
    while True:
        attempt: int = cursor.setdefault("attempt", 1)
        if cursor.get("pausing"):
            await _pause(step, attempt)
        try:
            return await _attempt(step, attempt)
        except StepFailure as failure:
            retryable = failure.error.type not in step.plan.retries.non_retryable
            if is_being_cancelled() or attempt >= attempts or not retryable:
                raise
        cursor.pop("child", None)
        cursor.pop("until", None)
        cursor.update(attempt=attempt + 1, pausing=True)


async def _attempt(step: StepContext, attempt: int) -> Done:
    cursor = step.record.cursor
    try:
        if "child" in cursor:
            work = watch_child(step.run, cursor["child"], step.path)
        else:
            undone = step.run.saga.undone.get(step.path, 0)
            work = await _start(step, step.path.child_run_id(workflow.info().workflow_id, attempt, undone))
        step.begin()
        end = await _in_time(step, asyncio.ensure_future(work))
    except asyncio.CancelledError:
        _let_go(step, "failed", None)
        raise
    return _judge(step, end)


async def _start(step: StepContext, id: str) -> Coroutine[Any, Any, ChildEnd]:
    limit = step.run.prepared.payload_limit
    with step.reading("input_mapping"):
        value = await mapped_input(step)
        options = ExecutionOptions(
            started_by=step.run.options.started_by,
            token=step.run.options.token,
            groups=step.run.options.groups,
            version=step.plan.step.workflow_version or step.record.cursor.get("version"),
            hand_over_undo=True,
        )
        data: Json = options.model_dump(mode="json", exclude_defaults=True)
        arguments = [
            encode_built(value, "the mapped input", limit),
            encode(data, "the execution options", limit),
        ]
        _require_sendable(arguments)

    def begin() -> None:
        key = step.run.idempotency_key(step.path)
        step.frame.undo.arm(step.key, Armed(step.plan.step_id, step.path, key, value, numbers=undo_times(step)))
        step.record.cursor["child"] = step.record.notes["run"] = id

    return run_child(
        step,
        Child(
            step.plan.step.workflow or "",
            id,
            arguments,
            summary_for(step),
            step=step.run.idempotency_key(step.path),
            reuse=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        ),
        begin,
    )


def _require_sendable(arguments: list[RawValue]) -> None:
    """The server's limit is for all arguments of a child together."""
    size = size_of(arguments)
    if size > PAYLOAD_LIMIT_BYTES and patched(Patch.RULES_2):
        raise PayloadTooLarge(
            f"the mapped input and what the child is told of who started it are {size:,} bytes together and the limit is "
            f"{PAYLOAD_LIMIT_BYTES:,}; map less, or pass a reference."
        )


async def _in_time(step: StepContext, work: asyncio.Task[ChildEnd]) -> ChildEnd:
    """The child's end; past the step's `timeout`, where it sets one, the child is cancelled and awaited first."""
    written = "timeout" in step.plan.step.model_fields_set
    seconds = step.limits.timeout.total_seconds()
    deadline = deadline_in(step, seconds) if written else None
    if deadline is None:
        try:
            return await work
        except asyncio.CancelledError:
            # Its end may have come in the same workflow task, before the cancellation: then that is how it ended.
            if work.cancelled() or not patched(Patch.RULES_3):
                raise
            return work.result()
    answer: asyncio.Future[bool | None] = asyncio.get_running_loop().create_future()
    work.add_done_callback(lambda _: None if answer.done() else answer.set_result(True))
    try:
        in_time = await answer_before(answer, deadline, f"timeout of {step.plan.step.label}")
    except asyncio.CancelledError:
        in_time = True
        work.cancel()
        await ended(work)
    if in_time:
        return work.result()
    work.cancel()
    await ended(work)
    late = StepTimeout(f"step {step.path!r}: its run took longer than {seconds:g} seconds.")
    if work.cancelled():  # It was not started.
        raise failure_of(late)
    end = work.result()
    return end if end.error is None else replace(end, error=ErrorInfo(type=late.code, message=str(late)))


def _judge(step: StepContext, end: ChildEnd) -> Done:
    child: str = step.record.cursor.get("child", "")
    if end.error is None and end.result is not None:
        undo = end.result.get("undo")
        stands = (
            None if undo is None else {"run": child, "carried": undo, "execution_id": end.result.get("execution_id")}
        )
        _note_open(step, end, completed=True)
        _let_go(step, "completed", end.result.get("result"), stands)
        return Done(end.result.get("result"))
    # What a child did that was ended by force is in its history.
    forced = not end.known and patched(Patch.RULES_2)
    _note_open(step, end, completed=False)
    _let_go(step, "failed" if end.known else "unknown", None, _by_history(child, end) if forced else None)
    if is_being_cancelled():
        raise asyncio.CancelledError
    # The next attempt runs the same version, though a higher one may be there by then.
    if end.result is not None:
        step.record.cursor["version"] = end.result.get("version")
    error = end.error or ErrorInfo(type="Failed", message=f"run {child!r} gave no result.")
    raise StepFailure(error, "failed" if end.known else "unknown")


def _note_open(step: StepContext, end: ChildEnd, *, completed: bool) -> None:
    """What the child could not undo is in the parent's report too, and is tried again with what the parent could not undo."""
    child: str = step.record.cursor.get("child", "")
    failed = [one for one in child_entries((end.result or {}).get("rollback"), child) if one.outcome == "failed"]
    for entry in failed:
        step.run.saga.note(entry)
    armed = step.frame.undo.latest(step.key)
    if failed and armed is not None:
        known = {**_by_history(child, end), "completed": completed}
        step.run.saga.failed.pass_of(step.path, step.key).keep(
            step.key, replace(armed, outcome="unknown", child=known), 0
        )


def _by_history(child: str, end: ChildEnd) -> dict[str, Json]:
    """How a child is undone from its history."""
    return {"run": child, "execution_id": (end.result or {}).get("execution_id") or end.execution_id}


def _let_go(step: StepContext, outcome: StepOutcome, output: Json, child: Json = None) -> None:
    """Say how the armed child ended; what neither the child nor the step has to undo is forgotten."""
    armed = step.frame.undo.latest(step.key)
    if armed is None:
        return
    armed.child = child
    settle_armed(step, armed, outcome, output)
    if outcome == "completed":  # A run that was taken over is the one that an entry before this tells of.
        step.frame.undo.forget_before(step.key, armed)
    if armed.child is None and not step.plan.step.rollback_actions:
        step.frame.undo.remove(step.key, armed)


async def _pause(step: StepContext, attempt: int) -> None:
    """Wait before an attempt after the first, as the retry policy says."""
    until = deadline_in(step, retry_delay(step.plan.retries.growth, attempt - 1).total_seconds())
    step.wait(f"attempt {attempt}")
    await sleep_or_skip(step, until, f"next attempt of {step.plan.step.label}")
    step.record.cursor.pop("until", None)
    step.record.cursor.pop("pausing", None)
