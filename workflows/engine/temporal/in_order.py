"""The order in which a run hears that its local activities have ended, so that a replay hears it in the same order.

A live run hears most of these ends one by one, and does between what follows from each; a replay gets those of a workflow task at once,
with all else that came. So each is heard by itself, in the order in which the SDK lists what happened.

One order the SDK does not tell. A query makes it complete a workflow task while local activities run. The end of one of these is told with
what the next task brings, and after that, whether its marker went with the query's answer, so that a replay hears of it first, or goes with
the next task. So the history is asked. Where it cannot be read, the task is given back, and its next attempt replays the history; the local
activities that had ended or that run may then run again.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeAlias

from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

Activate: TypeAlias = Callable[[WorkflowActivation], WorkflowActivationCompletion]
Recorded: TypeAlias = Callable[[int, int], Collection[int] | None]
"""The numbers of the local activities that ended, by the markers after one event of the history, up to another; none if they cannot be read."""
UNKNOWN_ORDER = "UnknownOrder"
"""Type of the failure with which a workflow task is given back."""
_GIVEN_BACK = (
    "a local activity ended while a query was answered, and something else happened before the run heard of it: which came first is read "
    "from the history, by doing this workflow task again. Nothing is to be done."
)
_LAST: Final = (
    "complete_workflow_execution",
    "continue_as_new_workflow_execution",
    "fail_workflow_execution",
    "cancel_workflow_execution",
)


class InOrder:
    """One instance, which hears what an activation holds as said above."""

    def __init__(self, activate: Activate, recorded: Recorded) -> None:
        """Around the instance's own `activate`."""
        self._activate = activate
        self._recorded = recorded
        self._last = WorkflowActivation()

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        """Give the instance what an activation holds."""
        before, self._last = self._last, act
        if not any(map(_is_local_end, act.jobs)) or len(act.jobs) == 1:
            return self._activate(act)
        if act.is_replaying or not _is_asking(before) or all(map(_is_local_end, act.jobs)):
            return _one_by_one(self._activate, act, act.jobs)
        earlier = self._recorded(before.history_length, act.history_length)
        if earlier is None:
            return _given_back(act.run_id)
        # Stable: what was recorded with the query's answer comes first.
        return _one_by_one(self._activate, act, sorted(act.jobs, key=lambda one: not _ended_by(one, earlier)))


def _one_by_one(
    activate: Activate, act: WorkflowActivation, jobs: Sequence[WorkflowActivationJob]
) -> WorkflowActivationCompletion:
    together = WorkflowActivationCompletion(run_id=act.run_id)
    together.successful.SetInParent()
    for heard in _parts(jobs):
        part = WorkflowActivation()
        part.CopyFrom(act)
        del part.jobs[:]
        part.jobs.extend(heard)
        done = activate(part)
        if done.HasField("failed"):
            return done
        together.MergeFrom(done)
        if any(map(_is_last, done.successful.commands)):
            break
    return together


def _is_local_end(job: WorkflowActivationJob) -> bool:
    return job.HasField("resolve_activity") and job.resolve_activity.is_local


def _ended_by(job: WorkflowActivationJob, recorded: Collection[int]) -> bool:
    return _is_local_end(job) and job.resolve_activity.seq in recorded


def _is_asking(act: WorkflowActivation) -> bool:
    return any(job.HasField("query_workflow") for job in act.jobs)


def _parts(jobs: Sequence[WorkflowActivationJob]) -> list[list[WorkflowActivationJob]]:
    """Each end of a local activity by itself, and what happened before, between and after; which patches are known comes first."""
    parts: list[list[WorkflowActivationJob]] = []
    for job in jobs:
        if _is_patch(job):
            continue
        if not parts or _is_local_end(job) or _is_local_end(parts[-1][-1]):
            parts.append([])
        parts[-1].append(job)
    parts[0][:0] = filter(_is_patch, jobs)
    return parts


def _is_patch(job: WorkflowActivationJob) -> bool:
    return job.HasField("notify_has_patch")


def _is_last(command: WorkflowCommand) -> bool:
    return any(map(command.HasField, _LAST))


def _given_back(run_id: str) -> WorkflowActivationCompletion:
    completion = WorkflowActivationCompletion(run_id=run_id)
    completion.failed.failure.message = _GIVEN_BACK
    completion.failed.failure.application_failure_info.type = UNKNOWN_ORDER
    return completion
