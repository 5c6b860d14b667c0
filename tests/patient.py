"""The product's own limits are for people who wait, and the SDK's for what holds a worker: a test is about neither, however slow the machine is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Protocol

from temporalio.worker._workflow import _WorkflowWorker as WorkflowWorker

from advanced_workflow.client import runs
from advanced_workflow.client.reruns import effects, plan
from advanced_workflow.client.serve import recorded
from advanced_workflow.client.service import description, faults, listing
from advanced_workflow.workflows.engine.run import own_activities
from tests.patience import PATIENCE_SECONDS


class Patch(Protocol):
    """Sets a name of a module or class."""

    def __call__(self, target: Any, name: str, value: object, /) -> None: ...


def be_patient(patch: Patch) -> None:
    """In this process and in those forked from it. Tests of a limit set that limit themselves."""
    long = timedelta(seconds=PATIENCE_SECONDS)
    for module in (runs, effects, plan):
        patch(module, "ANSWER_TIMEOUT", long)
    for module in (description, faults, listing):
        patch(module, "RPC_TIMEOUT", long)
    patch(recorded, "LONGEST", long)
    patch(own_activities, "PREPARE_TIMEOUT", long)
    _without_clock(patch)


def _without_clock(patch: Patch) -> None:
    """The SDK's deadlock detector measures by the clock: what holds a task is judged by CPU time (tests/laws/held.py).

    `debug_mode` would also have each task done in the event loop, where a query can wait for nothing else.
    """
    made = WorkflowWorker.__init__

    def make(worker: WorkflowWorker, *given: Any, **named: Any) -> None:
        made(worker, *given, **named)
        worker._deadlock_timeout_seconds = None

    patch(WorkflowWorker, "__init__", make)
