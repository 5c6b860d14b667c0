"""No workflow task holds its thread for long, by the thread's CPU time: the SDK's deadlock detector has a clock, which measures the machine."""

from __future__ import annotations

from collections.abc import Sequence
from time import thread_time
from typing import Any

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import (
    UnsandboxedWorkflowRunner,
    WorkflowInstance,
    WorkflowInstanceDetails,
    WorkflowRunner,
)

from advanced_workflow.workflows.engine.temporal.runner import Around

LONGEST_SECONDS = 2
"""What the SDK lets a task take."""
HELD: list[str] = []
"""Runs of the test that has just ended whose task took longer."""


class Measuring(WorkflowRunner):
    """Around the runner without a sandbox: measures what each task of a run takes."""

    def __init__(self) -> None:
        self._runner = UnsandboxedWorkflowRunner()

    def prepare_workflow(self, defn: Any) -> None:
        self._runner.prepare_workflow(defn)

    def set_worker_level_failure_exception_types(self, types: Sequence[type[BaseException]]) -> None:
        self._runner.set_worker_level_failure_exception_types(types)

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        return _Measured(self._runner.create_instance(det))


class _Measured(Around):
    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        began = thread_time()
        try:
            return self._instance.activate(act)
        finally:
            took = thread_time() - began
            if took > LONGEST_SECONDS:
                HELD.append(f"{self._instance.get_info().workflow_id}: a task took {took:.1f} s of CPU")
