"""A law: only what an action said itself, in each attempt, is "no effect"; whatever the platform says is unknown."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    FailureError,
    RetryState,
    ServerError,
    TerminatedError,
    TimeoutError,
    TimeoutType,
)

from advanced_workflow.workflows.engine.step import failures
from advanced_workflow.workflows.engine.step.failures import effect_of, failure_of_activity
from tests.examples import profile

SAYS_NO = [None, {"adw_attempts": 2, "adw_all_failed": True}]
SAYS_MAYBE = [None, {"adw_attempts": 2, "adw_all_failed": False}]
DOUBTS = [{"effect": "unknown"}, {"adw_attempts": 1, "adw_all_failed": True}]
PLATFORM = [
    "WorkerShutdown",
    "ActivityPause",
    "ActivityReset",
    "PanicError",
    "DataInvalid",
    "PayloadTooLarge",
    "StorageFailed",
]

OWN = st.builds(
    lambda kind, details: ApplicationError("no", *details, type=kind),
    st.sampled_from(["Broken", "CardDeclined", "NotFoundError", *PLATFORM]),
    st.sampled_from([[], SAYS_NO, SAYS_MAYBE, DOUBTS, [{"effect": "unknown"}]]),
)
FORCED = st.sampled_from([CancelledError("ended"), TerminatedError("ended"), ServerError("lost")])


def timed_out(kind: TimeoutType, earlier: BaseException | None) -> TimeoutError:
    error = TimeoutError("late", type=kind, last_heartbeat_details=[])
    error.__cause__ = earlier
    return error


LATE = st.builds(timed_out, st.sampled_from(TimeoutType), st.none() | OWN)


def of_activity(cause: FailureError, scheduled: int = 1) -> ActivityError:
    error = ActivityError(
        "failed",
        scheduled_event_id=scheduled,
        started_event_id=2,
        identity="",
        activity_type="pay",
        activity_id="pay",
        retry_state=RetryState.TIMEOUT,
    )
    error.__cause__ = cause
    return error


@given(st.one_of(OWN, FORCED, LATE), st.integers(1, 3), st.booleans(), st.booleans())
@profile(200)
def test_only_an_actions_own_words_say_that_it_took_no_effect(
    cause: FailureError, attempts: int, foreign: bool, local: bool
) -> None:
    error = cause if local else of_activity(cause)

    believed = effect_of(error, attempts=attempts, foreign=foreign) == "failed"

    assert believed == _took_none(cause, attempts, foreign=foreign)


def _took_none(cause: BaseException | None, attempts: int, *, foreign: bool) -> bool:
    """By the words of the specification."""
    if isinstance(cause, TimeoutError) and cause.type is TimeoutType.SCHEDULE_TO_START:
        # It was never taken, or the attempt before it was lost says what is known.
        return cause.cause is None or _took_none(cause.cause, 0, foreign=foreign)
    if not isinstance(cause, ApplicationError) or cause.type in PLATFORM:
        return False
    details: list[Any] = list(cause.details)
    if details and details[0] == {"effect": "unknown"}:
        return False
    if len(details) > 1:
        return details[-1]["adw_all_failed"] is True
    # Nobody left word: of another SDK, or never called. Of one attempt the failure itself is the word.
    return attempts == 1 and (foreign or cause.type == "NotFoundError")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("PayloadsTooLarge", "[TMPRL1103] Attempted to upload payloads with size that exceeded the error limit."),
        ("ValueError", "Unable to convert [object Object] to payload"),
        ("CancelledFailure", "HEARTBEAT_DETAILS_CONVERSION_FAILED"),
        ("wrapError", "values[0]: unable to encode: json: unsupported type: chan int"),
        ("io.temporal.common.converter.DataConverterException", "No serializer found for class acme.Parcel"),
        ("JsonException", "A possible object cycle was detected."),
        ("TypeError", "Object of type set is not JSON serializable"),
    ],
)
def test_an_action_of_another_sdk_whose_result_could_not_be_sent_may_have_taken_effect(kind: str, message: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(failures, "patched", lambda one: one is failures.Patch.RULES_4)
        effects = [
            effect_of(of_activity(ApplicationError(text, type=kind)), attempts=1, foreign=True)
            for text in (message, "no such order")
        ]

    assert effects[0] == "unknown"
    assert effects[1] == ("unknown" if kind.startswith(("Payloads", "io.")) else "failed")


@pytest.mark.parametrize(
    ("scheduled", "local", "effect"), [(0, False, "failed"), (0, True, "unknown"), (5, False, "unknown")]
)
def test_what_was_cancelled_before_it_was_sent_took_no_effect(scheduled: int, local: bool, effect: str) -> None:
    error = of_activity(CancelledError("ended"), scheduled)  # A local one has no such event, whatever it did.

    assert effect_of(error, attempts=1, foreign=False, local=local) == effect


@pytest.mark.parametrize("kind", TimeoutType)
def test_of_all_time_limits_only_that_of_the_queue_says_that_nothing_was_done(kind: TimeoutType) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(failures, "patched", lambda _: True)
        failure = failure_of_activity(of_activity(timed_out(kind, None)), "pay")

    assert failure.effect == ("failed" if kind is TimeoutType.SCHEDULE_TO_START else "unknown")
