"""The order in which a run hears that its local activities have ended, so that a replay hears it in the same order.

A live run hears most of these ends one by one, and does between what follows from each; a replay gets those of a workflow task at once,
with all else that came. So each is heard by itself, in the order in which the SDK lists what happened.

One order cannot be known while the run lives. A query makes the SDK complete a workflow task while a local activity runs. When that has
ended by the time the next task begins, its end is listed before what came meanwhile; but a replay lists it there only if its marker was in
time for the task before. Such a task is given back, and its next attempt replays the history, which knows; at worst the activity runs again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_commands import WorkflowCommand
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info

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


class InOrder(WorkflowRunner):
    """Around the runner that makes the instances of workflows; both the worker and the replayer of our runs need it."""

    def __init__(self, runner: WorkflowRunner | None = None) -> None:
        """Around this one: by default that without a sandbox."""
        self._runner = runner or UnsandboxedWorkflowRunner()

    def prepare_workflow(self, defn: Any) -> None:  # noqa: ANN401 - a private type of the SDK
        """Nothing of its own."""
        self._runner.prepare_workflow(defn)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        """Nothing of its own."""
        self._runner.set_worker_level_failure_exception_types(types)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """An instance that hears what happened in its order."""
        return _Instance(self._runner.create_instance(det))


class _Instance(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance) -> None:
        self._instance = instance

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        if not any(map(_is_local_end, act.jobs)) or len(act.jobs) == 1:
            return self._instance.activate(act)
        if not act.is_replaying and _is_order_unknown(act.jobs):
            return _given_back(act.run_id)
        return self._activate_one_by_one(act)

    def _activate_one_by_one(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        together = WorkflowActivationCompletion(run_id=act.run_id)
        together.successful.SetInParent()
        for jobs in _parts(act.jobs):
            part = WorkflowActivation()
            part.CopyFrom(act)
            del part.jobs[:]
            part.jobs.extend(jobs)
            done = self._instance.activate(part)
            if done.HasField("failed"):
                return done
            together.MergeFrom(done)
            if any(map(_is_last, done.successful.commands)):
                break
        return together

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:  # noqa: ANN401 - a private type of the SDK
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:  # noqa: ANN401 - a private type of the SDK
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()


def _is_local_end(job: WorkflowActivationJob) -> bool:
    return job.HasField("resolve_activity") and job.resolve_activity.is_local


def _is_order_unknown(jobs: Sequence[WorkflowActivationJob]) -> bool:
    """Whether the end of a local activity is listed before something else that happened."""
    happened = [job for job in jobs if not job.HasField("notify_has_patch")]
    return any(_is_local_end(job) and not _is_local_end(after) for job, after in pairwise(happened))


def _parts(jobs: Sequence[WorkflowActivationJob]) -> Iterator[list[WorkflowActivationJob]]:
    """Each end of a local activity by itself, and what happened before, between and after; which patches are known comes first."""
    part = [job for job in jobs if job.HasField("notify_has_patch")]
    for job in jobs:
        if _is_local_end(job):
            if any(not one.HasField("notify_has_patch") for one in part):
                yield part
                part = []
            yield [*part, job]
            part = []
        elif not job.HasField("notify_has_patch"):
            part.append(job)
    if part:
        yield part


def _is_last(command: WorkflowCommand) -> bool:
    return any(map(command.HasField, _LAST))


def _given_back(run_id: str) -> WorkflowActivationCompletion:
    completion = WorkflowActivationCompletion(run_id=run_id)
    completion.failed.failure.message = _GIVEN_BACK
    completion.failed.failure.application_failure_info.type = UNKNOWN_ORDER
    return completion
