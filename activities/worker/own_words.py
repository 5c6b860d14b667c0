"""What the attempts of an activity say about its effect, so that the run is told of all of them and not of the last one alone.

An attempt that raises an error says itself that it took no effect. One that timed out, or was lost with its worker, says nothing: its
effect is unknown, and stays so when a later attempt says that it failed. The run hears of the last attempt only, so each one that
fails leaves word for the next (in its heartbeat; of a local activity in this process), and the last one tells the run.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from temporalio import activity
from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityOutboundInterceptor

from advanced_workflow.activities.worker.failures import parts_of, told_as
from advanced_workflow.workflows.contract import WATCH_ACTIVITY, AttemptsNote

_SAID = "adw_said_by"
"""In the last heartbeat of a failed attempt: its number, where it and all before it said that they failed."""
_MOST_LOCAL = 10_000
"""Local activities whose failed attempts are remembered."""


class LocalWords:
    """Which attempts of local activities said that they failed: these have no heartbeat, and stay in their process."""

    def __init__(self) -> None:
        """Nothing was said."""
        self._said: OrderedDict[tuple[str, str], int] = OrderedDict()

    def take(self, info: activity.Info) -> int:
        """The number of the attempt that spoke last; 0 where nobody did."""
        return self._said.pop(_name(info), 0)

    def keep(self, info: activity.Info) -> None:
        """The attempt says that it and all before it failed."""
        self._said[_name(info)] = info.attempt
        if len(self._said) > _MOST_LOCAL:
            self._said.popitem(last=False)


def _name(info: activity.Info) -> tuple[str, str]:
    return info.workflow_run_id or "", info.activity_id


class OwnWords(ActivityOutboundInterceptor):
    """The words of one attempt. The activity itself does not see them among its heartbeat's details."""

    def __init__(self, next: ActivityOutboundInterceptor, local: LocalWords) -> None:
        """Read what the attempt before left."""
        super().__init__(next)
        info = next.info()
        self._local = local
        self._details, said = _parted(info.heartbeat_details)
        said = local.take(info) if info.is_local else said
        self._all_failed = said == info.attempt - 1
        """Whether each attempt before this one said that it failed."""

    def info(self) -> activity.Info:
        """The activity's info with its own details only."""
        return replace(self.next.info(), heartbeat_details=self._details)

    def heartbeat(self, *details: Any) -> None:  # noqa: ANN401 - the signature is Temporal's
        """Send the activity's details, which say nothing of how the attempt ends."""
        self._details = details
        self.next.heartbeat(*details)

    def failure(self, error: Exception) -> Exception:
        """The attempt's error as the run is to get it, with word for the next attempt left behind."""
        if isinstance(error, FailureError) and not isinstance(error, ApplicationError):
            return error  # Temporal's own, a cancellation above all: no word of the activity.
        info = self.next.info()
        if self._all_failed and info.is_local:
            self._local.keep(info)
        elif self._all_failed and _another_may_follow(info, error):
            self.next.heartbeat(*self._details, {_SAID: info.attempt})
        return _with_note(error, AttemptsNote(adw_attempts=info.attempt, adw_all_failed=self._all_failed))


def _another_may_follow(info: activity.Info, error: Exception) -> bool:
    most = info.retry_policy.maximum_attempts if info.retry_policy else 0
    is_final = isinstance(error, ApplicationError) and error.non_retryable
    return not is_final and info.attempt != most and info.activity_type != WATCH_ACTIVITY


def _parted(details: Sequence[Any]) -> tuple[tuple[Any, ...], int]:
    """An activity's own details, and the number of the attempt that left word."""
    last: Any = details[-1] if details else None
    word = cast("dict[str, Any]", last) if isinstance(last, dict) else {}
    said = word.get(_SAID) if len(word) == 1 else None
    return (tuple(details), 0) if not isinstance(said, int) else (tuple(details[:-1]), said)


def _with_note(error: Exception, note: AttemptsNote) -> Exception:
    text, kind, details = parts_of(error)
    return told_as(error, text, kind, [*(details or (None,)), note.model_dump(mode="json")])
