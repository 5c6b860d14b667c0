"""What becomes of a call of a run that gets no answer in time, and of one whose caller is cancelled."""

from __future__ import annotations

import asyncio

import pytest
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.client.errors import ConnectionFailed, NoAnswer, RequestFailed
from advanced_workflow.client.sending import request_of
from advanced_workflow.client.service.errors import UPDATES, translated_errors
from advanced_workflow.workflows.contract import StepRequest
from advanced_workflow.workflows.errors import OperationRefused


async def update(seconds: float) -> None:
    """As a run's update is called, with the SDK's way to wait for it."""
    async with translated_errors("r1", "skip_step"), asyncio.timeout(seconds):
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise WorkflowUpdateRPCTimeoutOrCancelledError from error


async def test_a_call_that_is_not_answered_in_time_says_so() -> None:
    with pytest.raises(NoAnswer, match="no worker answered skip_step in time"):
        await update(0.01)


async def test_a_cancelled_caller_stays_cancelled() -> None:
    calling = asyncio.create_task(update(60))
    await asyncio.sleep(0)
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await update(60)


async def test_a_call_of_a_caller_that_was_cancelled_before_says_that_no_answer_came() -> None:
    async def ends_in_order() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await update(0.01)

    ending = asyncio.create_task(ends_in_order())
    await asyncio.sleep(0)
    ending.cancel()
    with pytest.raises(NoAnswer):
        await ending


@pytest.mark.parametrize("operation", UPDATES)
async def test_what_changes_a_run_may_still_count_when_no_answer_comes(operation: str) -> None:
    with pytest.raises(NoAnswer, match="it may still count: look with 'adw show r1'") as caught:
        async with translated_errors("r1", operation):
            raise TimeoutError
    assert caught.value.may_count
    with pytest.raises(ConnectionFailed, match="it may still count"):
        async with translated_errors("r1", operation):
            raise RPCError("gone", RPCStatusCode.UNAVAILABLE, b"")


@pytest.mark.parametrize(
    ("message", "status", "away"),
    [
        ("gone", RPCStatusCode.UNAVAILABLE, True),
        ("transport error", RPCStatusCode.UNKNOWN, True),
        ("h2 protocol error: error reading a body from connection", RPCStatusCode.UNKNOWN, True),
        ("workflow type is not set", RPCStatusCode.UNKNOWN, False),
        ("transport error", RPCStatusCode.INVALID_ARGUMENT, False),
    ],
)
async def test_a_server_that_leaves_while_it_is_asked_has_refused_nothing(
    message: str, status: RPCStatusCode, away: bool
) -> None:
    expected, said = (ConnectionFailed, "try again when it is back") if away else (RequestFailed, "refused describe")
    with pytest.raises(expected, match=said):
        async with translated_errors("r1", "describe"):
            raise RPCError(message, status, b"")


async def test_a_question_that_nobody_answers_changed_nothing() -> None:
    with pytest.raises(NoAnswer, match="is a worker serving the run's task queue") as caught:
        async with translated_errors("r1", "state"):
            raise TimeoutError
    assert not caught.value.may_count


def test_what_does_not_fit_is_refused_without_printing_it() -> None:
    with pytest.raises(OperationRefused) as caught:
        request_of(StepRequest, "retry_step", {"step_id": {"a secret": 1}, "by": "ann", "reason": "x"})
    assert str(caught.value) == "retry_step: step_id: should be a string."
