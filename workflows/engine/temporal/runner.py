"""What makes and keeps the instances of our workflow classes: the worker and the replayer need it, as `unsandboxed_workflow_runner`.

A worker of the SDK that stops leaves its instances to the garbage collector. That ends their coroutines wherever it happens to run, and in
the middle of another run's workflow task what they do at their end would be a command of that run. So each is ended here, as one that the
worker removes from its cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any, TypeAlias

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info

from advanced_workflow.workflows.engine.temporal.in_order import InOrder, Recorded
from advanced_workflow.workflows.engine.temporal.missing import Missing

RecordedEnds: TypeAlias = Callable[[Info, int, int], Collection[int] | None]
"""As `Recorded`, of any run. It is called in the thread of a workflow task, which must not wait for it longer than a second."""


def _nothing_recorded(_run: Info, _after: int, _up_to: int) -> Collection[int] | None:
    """Where no history can be asked: a replay needs none."""
    return None


class EngineRunner(WorkflowRunner):
    """Around the runner that makes the instances; one worker has one of its own."""

    def __init__(self, runner: WorkflowRunner | None = None, recorded: RecordedEnds = _nothing_recorded) -> None:
        """Around this one: by default that without a sandbox. A worker gives what reads the ends of local activities from histories."""
        self._runner = runner or UnsandboxedWorkflowRunner()
        self._recorded = recorded
        self.live: set[WorkflowInstance] = set()
        """Instances that the worker holds, or held when it stopped."""

    def prepare_workflow(self, defn: Any) -> None:  # noqa: ANN401 - a private type of the SDK
        """Nothing of its own."""
        self._runner.prepare_workflow(defn)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        """Nothing of its own."""
        self._runner.set_worker_level_failure_exception_types(types)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """An instance that hears what happened in its order, and of references to what is not there only that they are."""
        instance = _Instance(self._runner.create_instance(det), self.live, partial(self._recorded, det.info))
        self.live.add(instance)
        return instance

    async def close(self) -> None:
        """End the instances that are left, after the worker has stopped."""
        await asyncio.to_thread(self._end_all)  # noqa: TID251 - no run does this; each has an event loop of its own

    def _end_all(self) -> None:
        for instance in [*self.live]:
            ending = WorkflowActivation(run_id=instance.get_info().run_id)
            ending.jobs.add().remove_from_cache.message = "the worker has stopped"
            instance.activate(ending)


class Around(WorkflowInstance):
    """An instance around another: what it does with activations is its own, and all else is the other's."""

    def __init__(self, instance: WorkflowInstance) -> None:
        """Around this one."""
        self._instance = instance

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:  # noqa: ANN401 - a private type of the SDK
        """The other's."""
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:  # noqa: ANN401 - as above
        """The other's."""
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Info:
        """The other's."""
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        """The other's."""
        return self._instance.get_thread_id()


class _Instance(Around):
    def __init__(self, instance: WorkflowInstance, live: set[WorkflowInstance], recorded: Recorded) -> None:
        super().__init__(instance)
        self._missing = Missing(InOrder(instance.activate, recorded).activate)
        self._live = live

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        try:
            return self._missing.activate(act)
        finally:
            if any(job.HasField("remove_from_cache") for job in act.jobs):
                self._live.discard(self)
