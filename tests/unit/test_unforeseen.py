"""What is sent and logged of an action's failure: a sentence where it was meant, and its own code's trace where it was not."""

from __future__ import annotations

import io
import logging
from typing import Any

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultPayloadConverter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from advanced_workflow import ActionError, action
from advanced_workflow.activities.action.decorator import action_of
from advanced_workflow.activities.worker.failures import sendable, told_as
from advanced_workflow.activities.worker.interceptors import with_retry_delay
from advanced_workflow.activities.worker.unforeseen import Unforeseen, is_expected, trace_of
from advanced_workflow.client.serve.logs import FAILED_ACTIVITY, FAILURE, TextFormatter
from advanced_workflow.client.serve.sentences import Sentences
from advanced_workflow.workflows.contract import RetryDelay


@action
def declines() -> None:
    """The card is declined."""
    try:
        _ask_bank()
    except KeyError as error:
        raise ActionError("the card was declined", type="Declined") from error


@action
def breaks() -> None:
    """A fault."""
    _ask_bank()


def _ask_bank() -> None:
    raise KeyError("account")


async def raised_by(function: Any) -> Exception:
    found = action_of(function)
    assert found is not None
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        await ActivityEnvironment().run(found.activity())
    return caught.value


def sent(error: Exception) -> Failure:
    failure = Failure()
    Sentences().to_failure(error, DefaultPayloadConverter(), failure)
    return failure


def logged(error: Exception) -> str:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter())
    record = logging.makeLogRecord(
        {
            "levelname": "WARNING",
            "msg": "Completing activity as failed",
            "exc_info": (type(error), error, error.__traceback__),
            FAILURE: FAILED_ACTIVITY,
            "temporal_activity": {"activity_type": "pay", "attempt": 2},
        }
    )
    handler.emit(record)
    return stream.getvalue()


async def test_a_meant_failure_is_sent_and_logged_as_its_sentence() -> None:
    error = await raised_by(declines)

    assert is_expected(error)
    failure = sent(error)
    assert failure.message == "the card was declined"
    assert failure.stack_trace == ""
    assert "_ask_bank" in failure.cause.stack_trace
    [line] = logged(error).splitlines()
    assert "attempt 2 of pay failed: Declined: the card was declined (because of KeyError: 'account')" in line


async def test_a_fault_is_sent_and_logged_with_the_trace_of_the_action_s_own_code() -> None:
    error = await raised_by(breaks)
    told = told_as(error, "'account'", "KeyError", []).with_traceback(error.__traceback__)

    assert not is_expected(error)
    trace = sent(told).stack_trace
    assert trace.count("File ") == 2
    assert "in breaks" in trace
    assert "in _ask_bank" in trace
    first, *more = logged(told).splitlines()
    assert "attempt 2 of pay failed: KeyError: 'account'" in first
    assert [one.split(", in ")[1] for one in more if "File " in one] == ["breaks", "_ask_bank"]


def test_a_fault_stays_one_whatever_it_is_made_into() -> None:
    delay = RetryDelay.model_validate({"strategy": "linear", "delay": 1, "multiplier": 1, "max_delay": 9, "jitter": 0})
    bug, meant = ValueError("half a character \ud800"), ActionError("half \ud800")

    for change in (sendable, lambda one: with_retry_delay(one, delay, 1)):
        assert isinstance(change(change(bug)), Unforeseen)
        assert type(change(meant)) is ApplicationError


def test_the_trace_of_a_fault_around_an_action_is_whole() -> None:
    with pytest.raises(ValueError, match="broken") as caught:
        ActivityEnvironment().run(_broken)

    assert "_broken" in trace_of(caught.value)[-1]


def _broken() -> None:
    raise ValueError("broken")


def test_the_failure_of_a_workflow_task_keeps_its_trace() -> None:
    with pytest.raises(ValueError, match="broken") as caught:
        ActivityEnvironment().run(_broken)

    assert sent(caught.value).stack_trace.count("File ") > 2


def test_what_came_from_the_server_keeps_its_trace() -> None:
    theirs = Failure(message="it broke", stack_trace="at Main.java:1")
    theirs.application_failure_info.type = "Broken"
    error = Sentences().from_failure(theirs, DefaultPayloadConverter())

    assert isinstance(error, Exception)
    assert sent(error).stack_trace == "at Main.java:1"
