"""The order in which a run hears that its local activities have ended, so that a replay hears it in the same order.

A live run hears most of these ends one by one, and does between what follows from each; a replay gets those of a workflow task at once,
with all else that came. So each is heard by itself, in the order in which the SDK lists what happened.

One order cannot be known while the run lives. A query makes the SDK complete a workflow task while a local activity runs. When that has
ended by the time the next task begins, its end is listed before what came meanwhile; but a replay lists it there only if its marker was in
time for the task before. Such a task is given back, and its next attempt replays the history, which knows; at worst the activity runs again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

Activate: TypeAlias = Callable[[WorkflowActivation], WorkflowActivationCompletion]
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


def activate_in_order(activate: Activate, act: WorkflowActivation) -> WorkflowActivationCompletion:
    """Give an instance what an activation holds, as said above."""
    if not any(map(_is_local_end, act.jobs)) or len(act.jobs) == 1:
        return activate(act)
    if not act.is_replaying and _is_order_unknown(act.jobs):
        return _given_back(act.run_id)
    return _one_by_one(activate, act)


def _one_by_one(activate: Activate, act: WorkflowActivation) -> WorkflowActivationCompletion:
    together = WorkflowActivationCompletion(run_id=act.run_id)
    together.successful.SetInParent()
    for jobs in _parts(act.jobs):
        part = WorkflowActivation()
        part.CopyFrom(act)
        del part.jobs[:]
        part.jobs.extend(jobs)
        done = activate(part)
        if done.HasField("failed"):
            return done
        together.MergeFrom(done)
        if any(map(_is_last, done.successful.commands)):
            break
    return together


def _is_local_end(job: WorkflowActivationJob) -> bool:
    return job.HasField("resolve_activity") and job.resolve_activity.is_local


def _is_order_unknown(jobs: Sequence[WorkflowActivationJob]) -> bool:
    """Whether the end of a local activity is listed before something else that happened."""
    happened = [job for job in jobs if not _is_patch(job)]
    return any(_is_local_end(job) and not _is_local_end(after) for job, after in pairwise(happened))


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
