"""`lock`: a step that holds a named lock of the run from its start to its end."""

from __future__ import annotations

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
    async with locks.hold(record, lock):
        skip_if_told(step)
        if record.start_time is None:  # It has only waited for its lock: from here on it is like any step that begins.
            step.run.state.change(record, StepStatus.PENDING)
            record.waiting_for, record.resumed = None, False
        if not record.resumed:
            await open_gate(step)
        return await inner(step)
