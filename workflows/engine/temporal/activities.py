"""The one place where the engine starts an activity."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityCancellationType

from advanced_workflow.workflows.engine.temporal.interceptor import ActivityHeaders, activity_headers
from advanced_workflow.workflows.engine.temporal.outgoing import outgoing, size_of, size_of_failure, size_of_texts
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.quiet import is_being_cancelled
from advanced_workflow.workflows.engine.temporal.task_work import count_until_answered
from advanced_workflow.workflows.plain.text import markdown


def start_activity(
    name: str,
    arguments: Sequence[Any] = (),
    *,
    summary: str,
    id: str | None = None,
    local: bool = False,
    room: int = 0,
    headers: ActivityHeaders | None = None,
    task_queue: str | None = None,
    timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    queue_timeout: timedelta | None = None,
    heartbeat_timeout: timedelta | None = None,
    retries: RetryPolicy | None = None,
    cancellation: ActivityCancellationType = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
) -> workflow.ActivityHandle[RawValue]:
    """Schedule an activity by its name; its answer comes undecoded.

    `timeout` is for one attempt, `total_timeout` for all. A local activity runs on this worker, so it has no queue and no heartbeat: what is
    said of them does not apply; `room` bytes are held for its result. Awaiting the handle raises `ActivityError`; for a local activity the
    SDK may raise its cause instead.
    """
    shown = markdown(summary)
    token = activity_headers.set(headers)
    try:
        if local:
            outgoing().hold(room)
            handle = workflow.start_local_activity(
                name,
                args=arguments,
                activity_id=id,
                summary=shown,
                result_type=RawValue,
                start_to_close_timeout=timeout,
                schedule_to_close_timeout=total_timeout,
                retry_policy=retries,
                cancellation_type=cancellation,
            )
            handle.add_done_callback(partial(_count_result, room, size_of_texts(name, id)))
            return handle
        outgoing().count(size_of(arguments) + size_of_texts(name, id, shown))
        handle = workflow.start_activity(
            name,
            args=arguments,
            activity_id=id,
            summary=shown,
            task_queue=task_queue,
            result_type=RawValue,
            start_to_close_timeout=timeout,
            schedule_to_close_timeout=total_timeout,
            schedule_to_start_timeout=queue_timeout,
            heartbeat_timeout=heartbeat_timeout,
            retry_policy=retries,
            cancellation_type=cancellation,
        )
        count_until_answered(handle)
        return handle
    finally:
        activity_headers.reset(token)


async def answer_of(handle: workflow.ActivityHandle[RawValue]) -> RawValue:
    """The answer of an activity; a cancellation is passed on to it. Raises what awaiting the handle raises.

    Where the end and the cancellation come in one workflow task the SDK raises `asyncio.CancelledError` and drops the end, though
    the history has it: here the end counts, and the task is still one that is being cancelled.
    """
    try:
        return await handle
    except asyncio.CancelledError:
        # The future behind the handle is the only place where the SDK keeps an end that it did not tell of.
        end: asyncio.Future[RawValue] | None = getattr(handle, "_result_fut", None)
        if end is None or not end.done() or not patched(Patch.RULES_2):
            raise
        return end.result()


def _count_result(room: int, around: int, ended: asyncio.Future[RawValue]) -> None:
    """A local activity has ended: what it gave, or its failure, is sent with this task. Its input is not."""
    outgoing().came(room, around + _size_of_end(ended))


def _size_of_end(ended: asyncio.Future[RawValue]) -> int:
    if ended.cancelled():
        return 0
    error = ended.exception()
    return size_of([ended.result()]) if error is None else size_of_failure(error)


async def own_activity(
    name: str,
    arguments: Sequence[Any] = (),
    *,
    summary: str,
    attempt_timeout: timedelta | None = None,
    total_timeout: timedelta | None = None,
    retries: RetryPolicy | None = None,
) -> RawValue:
    """Run a local activity for the run itself, not for one of its steps.

    Raises `FailureError`; `asyncio.CancelledError` where it failed because the run is being cancelled.
    """
    try:
        return await start_activity(
            name,
            arguments,
            summary=summary,
            local=True,
            timeout=attempt_timeout,
            total_timeout=total_timeout,
            retries=retries,
            cancellation=ActivityCancellationType.TRY_CANCEL,
        )
    except FailureError:
        if is_being_cancelled():
            raise asyncio.CancelledError from None
        raise
