"""Failures of steps, and what Temporal's failures say about a step's effect.

**What is known of an effect.** An action took no effect where it says so itself, in each of its attempts: it raised an error, and did
not mark the effect as unknown. Everything that the platform says leaves the effect unknown: a timeout, a lost or stopped worker, a
cancellation, a result that could not be sent or not be used, a panic of another SDK, an error of the SDK itself. A later attempt's
word does not take that back. The failure that reaches the run is that of the last attempt, and of those before it the worker's note
tells; without a note only an action that was called once can be believed. Not started at all is no effect, too.
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple, cast

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    CancelledError,
    FailureError,
    TimeoutError,
    TimeoutType,
)

from advanced_workflow.workflows.contract import AttemptsNote, ErrorInfo, Json, SkipReason
from advanced_workflow.workflows.definition.model.error_types import (
    HEARTBEAT_TIMEOUT,
    QUEUE_TIMEOUT,
    SERVER_NAMES,
    TIMEOUT,
    TOTAL_TIMEOUT,
    WORKER_LOST,
)
from advanced_workflow.workflows.engine.people.remedies import Skip
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.errors import (
    ApprovalRejected,
    ApprovalTimeout,
    DataInvalid,
    PayloadTooLarge,
    StorageFailed,
    WorkflowError,
    WorkflowFailed,
)

Effect = Literal["failed", "unknown"]
"""Whether the action definitely had no effect, or may have had one."""

CANCELLED = "Cancelled"

_TIMEOUTS: dict[TimeoutType, tuple[str, str, Effect]] = {
    TimeoutType.START_TO_CLOSE: (TIMEOUT, "the attempt took longer than 'timeout'", "unknown"),
    TimeoutType.SCHEDULE_TO_CLOSE: (TOTAL_TIMEOUT, "all attempts took longer than their total time", "unknown"),
    TimeoutType.HEARTBEAT: (HEARTBEAT_TIMEOUT, "no sign of life within 'heartbeat_timeout'", "unknown"),
    TimeoutType.SCHEDULE_TO_START: (
        QUEUE_TIMEOUT,
        "no worker took it within 'queue_timeout'",
        "failed",
    ),
}

_WORKER_STOPPED = SERVER_NAMES[WORKER_LOST]
"""The SDK's name for an attempt that ended because its worker was stopped."""
_NEVER_CALLED = "NotFoundError"
"""The SDK's name for an attempt of an action that the worker does not serve."""
_RESULT_UNUSABLE = frozenset({DataInvalid.code, PayloadTooLarge.code, StorageFailed.code})
"""Failures of an action that did run."""
_NOT_ITS_OWN_WORDS = _RESULT_UNUSABLE | {_WORKER_STOPPED, "ActivityPause", "ActivityReset", "PanicError"}
"""Failures that come as if the action had raised them."""
_NOT_SENT = re.compile(
    "^PayloadsTooLarge: |"  # of those that share a core: TypeScript, Python, .NET, Ruby
    "^ValueError: Unable to convert |PayloadConverterError|HEARTBEAT_DETAILS_CONVERSION_FAILED"  # TypeScript
    "|unable to encode"  # Go
    "|DataConverterException"  # Java
    "|Serialization and deserialization of|A possible object cycle was detected"  # .NET
    "|not JSON serializable|has no known converter"  # Python
)
"""How SDKs say, some with a type that an action's own error may have, that they could not send what an action returned: it did run."""
_OWN_RUN_FAILURES = (ApprovalRejected, ApprovalTimeout)
"""Failures of a step that are the run's own failure type; every other one is `WorkflowFailed`."""
_PLAIN: tuple[type, ...] = (str, int, float, bool, list, dict)


class StepFailure(Exception):
    """A step failed for good.

    `effect` says whether its action may have had an effect all the same; `run_code` is the failure type of the run when
    nothing recovers the step.
    """

    def __init__(self, error: ErrorInfo, effect: Effect = "failed", *, run_code: str = WorkflowFailed.code) -> None:
        """Keep the error as data."""
        super().__init__(error.message)
        self.error = error
        self.effect: Effect = effect
        self.run_code = run_code


class StepSkipped(Exception):
    """A step that runs or waits ends without a result of its own."""

    def __init__(self, reason: SkipReason, given: Skip = None) -> None:
        """Keep the reason, and what an operator gives in the step's place."""
        super().__init__(reason.value)
        self.reason = reason
        self.given = given


def failure_of(error: WorkflowError, effect: Effect = "failed") -> StepFailure:
    """A failure found by the engine itself."""
    run_code = error.code if isinstance(error, _OWN_RUN_FAILURES) else WorkflowFailed.code
    return StepFailure(ErrorInfo(type=error.code, message=str(error)), effect, run_code=run_code)


def read_error(error: Exception) -> WorkflowError:
    """What reading data raised, as an error of the project: what nobody foresaw is the data's fault, not the run's."""
    if isinstance(error, WorkflowError):
        return error
    return DataInvalid(f"the data cannot be used ({type(error).__name__}: {error}).")


class Waited(NamedTuple):
    """Where a call waits for a worker, and for how long at most."""

    task_queue: str
    seconds: float | None = None
    """None where it has no such limit of its own."""


def failure_of_activity(error: FailureError, action: str, waited: Waited | None = None) -> StepFailure:
    """What an activity's failure means for its step. Of its effect it says what was known before `effect_of`."""
    cause = _cause_of(error)
    if isinstance(cause, TimeoutError) and cause.type is not None:
        name, reason, effect = _TIMEOUTS[cause.type]
        if name == QUEUE_TIMEOUT:
            reason += _where(waited)
        return StepFailure(ErrorInfo(type=name, message=f"action {action!r}: {reason}."), effect)
    if isinstance(cause, CancelledError):
        return StepFailure(ErrorInfo(type=CANCELLED, message=f"action {action!r} was cancelled."), "unknown")
    if isinstance(cause, ApplicationError):
        if cause.type == _WORKER_STOPPED and patched(Patch.RULES_2):
            message = f"action {action!r}: its worker was stopped while it ran."
            return StepFailure(ErrorInfo(type=WORKER_LOST, message=message), "unknown")
        if cause.type is None and isinstance(cause.cause, ApplicationError):
            # The SDK's wrapper around an argument that could not be read from its storage.
            cause = cause.cause
        details: Json = cause.details[0] if cause.details else None
        info = ErrorInfo(type=cause.type or "ApplicationError", message=cause.message, details=_plain(details))
        return StepFailure(info, _effect_by_last_words(info))
    return StepFailure(ErrorInfo(type=type(cause or error).__name__, message=str(cause or error)), "unknown")


def _where(waited: Waited | None) -> str:
    """The queue that nobody took it from, its limit, and what helps."""
    if waited is None:
        return "; start a worker that serves its task queue"
    limit = f" ({waited.seconds:g} s)" if waited.seconds is not None else ""
    return f"{limit} from task queue {waited.task_queue!r}; start a worker that serves this queue"


def total_timeout(action: str) -> StepFailure:
    """The time for all attempts of an action ended while none of them ran."""
    name, reason, _ = _TIMEOUTS[TimeoutType.SCHEDULE_TO_CLOSE]
    return StepFailure(ErrorInfo(type=name, message=f"action {action!r}: {reason}."))


def effect_of(error: FailureError, *, attempts: int, foreign: bool, local: bool = False) -> Effect:
    """What is known of the effect of an action that failed, over the attempts it was allowed.

    `foreign`: it ran on a queue whose workers may be of another SDK, which leave no note.
    """
    cause = _cause_of(error)
    if isinstance(cause, CancelledError) and not local and _was_never_sent(error):
        return "failed"
    if isinstance(cause, TimeoutError) and cause.type is TimeoutType.SCHEDULE_TO_START:
        # Only one that was tried before has a failure as its cause.
        return "failed" if cause.cause is None else _by_own_words(cause.cause, attempts=0, foreign=foreign)
    return _by_own_words(cause, attempts=attempts, foreign=foreign)


def _was_never_sent(error: FailureError) -> bool:
    """Whether an activity was cancelled in the workflow task that scheduled it: then the server, and any worker, never heard of it."""
    return isinstance(error, ActivityError) and not error.scheduled_event_id


def note_of(error: BaseException | None) -> AttemptsNote | None:
    """The worker's note about the attempts of an activity, where it left one."""
    if not isinstance(error, ApplicationError) or not error.details:
        return None
    last: Json = error.details[-1]
    if not isinstance(last, dict) or cast("dict[str, Json]", last).keys() != AttemptsNote.model_fields.keys():
        return None
    return AttemptsNote.model_construct(**cast("dict[str, Any]", last))


def _by_own_words(error: BaseException | None, *, attempts: int, foreign: bool) -> Effect:
    if not isinstance(error, ApplicationError) or error.type is None or error.type in _NOT_ITS_OWN_WORDS:
        return "unknown"
    if _says_unknown(error.details[0] if error.details else None):
        return "unknown"
    note = note_of(error)
    if note is None:  # A worker of ours leaves one, unless the error is the SDK's.
        believed = attempts == 1 and (foreign or error.type == _NEVER_CALLED)
        if believed and _NOT_SENT.search(f"{error.type}: {error.message}") and patched(Patch.RULES_4):
            return "unknown"
    else:
        believed = note.adw_all_failed is True
    return "failed" if believed else "unknown"


def _cause_of(error: FailureError) -> BaseException | None:
    # For a local activity the SDK raises either the failure or its cause: a timeout comes as the failure, and in a replay as its cause.
    return error.cause if isinstance(error, ActivityError) else error


def _effect_by_last_words(info: ErrorInfo) -> Effect:
    """What runs believed that began before the rule of `effect_of`."""
    if info.type in _RESULT_UNUSABLE or _says_unknown(info.details):
        return "unknown"
    return "failed"


def _says_unknown(details: Json) -> bool:
    return isinstance(details, dict) and cast("dict[str, Json]", details).get("effect") == "unknown"


def _plain(details: Json) -> Json:
    """An error's details where they are JSON; anything else is left out."""
    # A foreign converter may give anything, and the report must stay JSON.
    return details if isinstance(details, _PLAIN) else None


def told(error: ErrorInfo) -> str:
    """Why a run failed as one sentence that names the step, which people meet before anything else of the run."""
    if error.path is None or repr(str(error.path)) in error.message:
        return error.message
    return f"step {str(error.path)!r} failed with {error.type}: {error.message}"
