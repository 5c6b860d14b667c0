"""What makes and keeps the instances of our workflow classes: the worker and the replayer need it, as `unsandboxed_workflow_runner`.

A worker of the SDK that stops leaves its instances to the garbage collector. That ends their coroutines wherever it happens to run, and in
the middle of another run's workflow task what they do at their end would be a command of that run. So each is ended here, as one that the
worker removes from its cache.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.converter import SerializationContext, StorageDriverStoreContext
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails, WorkflowRunner
from temporalio.workflow import Info

from advanced_workflow.workflows.engine.temporal.in_order import activate_in_order


class EngineRunner(WorkflowRunner):
    """Around the runner that makes the instances; one worker has one of its own."""

    def __init__(self, runner: WorkflowRunner | None = None) -> None:
        """Around this one: by default that without a sandbox."""
        self._runner = runner or UnsandboxedWorkflowRunner()
        self.live: set[WorkflowInstance] = set()
        """Instances that the worker holds, or held when it stopped."""

    def prepare_workflow(self, defn: Any) -> None:  # noqa: ANN401 - a private type of the SDK
        """Nothing of its own."""
        self._runner.prepare_workflow(defn)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        """Nothing of its own."""
        self._runner.set_worker_level_failure_exception_types(types)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """An instance that hears what happened in its order."""
        instance = _Instance(self._runner.create_instance(det), self.live)
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


class _Instance(WorkflowInstance):
    def __init__(self, instance: WorkflowInstance, live: set[WorkflowInstance]) -> None:
        self._instance = instance
        self._live = live

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        try:
            return activate_in_order(self._instance.activate, act)
        finally:
            if any(job.HasField("remove_from_cache") for job in act.jobs):
                self._live.discard(self)

    def get_serialization_context(self, command_info: Any) -> SerializationContext | None:  # noqa: ANN401 - as above
        return self._instance.get_serialization_context(command_info)

    def get_external_store_context(self, command_info: Any) -> StorageDriverStoreContext:  # noqa: ANN401 - as above
        return self._instance.get_external_store_context(command_info)

    def get_info(self) -> Info:
        return self._instance.get_info()

    def get_thread_id(self) -> int | None:
        return self._instance.get_thread_id()
