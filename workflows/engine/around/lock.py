"""`lock`: a step that holds a named lock of the run from its start to its end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from advanced_workflow.workflows.definition.model.lock import Lock
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.starting import open_gate, skip_if_told


async def holding_its_lock(step: StepContext, inner: RunStep) -> Done:
    """Wait for the lock and hold it. An operator may skip the step while it waits."""
    lock = step.plan.step.lock
    if lock is None:
        return await inner(step)
    record, locks = step.record, step.run.locks
    if not locks.is_free(record, lock):
        step.wait(f"lock {lock.name!r}")
    async with _held(step, lock):
        skip_if_told(step)
        if record.start_time is None:  # From here on it is like any step that begins.
            _not_begun(step)
            record.resumed = False
        if not record.resumed:
            await open_gate(step)
        return await inner(step)


@asynccontextmanager
async def _held(step: StepContext, lock: Lock) -> AsyncGenerator[None, None]:
    """Hold the lock for the block. A step that the run's end finds waiting for it has not begun."""
    got = False
    try:
        async with step.run.locks.hold(step.record, lock):
            got = True
            yield
    except asyncio.CancelledError:
        if not got and step.record.start_time is None:
            _not_begun(step)
        raise


def _not_begun(step: StepContext) -> None:
    """It has only waited for its lock."""
    step.run.state.change(step.record, StepStatus.PENDING)
    step.record.waiting_for = None
