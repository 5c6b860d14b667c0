"""What a run that has ended still holds: nothing. Seen from within, as no history tells it; a leak would only show in long runs."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from advanced_workflow.workflows.engine.run.endings import RunCancelled, RunFails
from advanced_workflow.workflows.engine.run.run import Run
from advanced_workflow.workflows.engine.step.context import RunContext

FOUND: list[str] = []
"""By runs of this process, since somebody last asked."""


@contextmanager
def watched() -> Generator[None, None, None]:
    """Look at every run when it ends."""
    execute = Run.execute

    async def watching(run: Run) -> dict[str, Any]:
        try:
            result = await execute(run)
        except (RunFails, RunCancelled):
            FOUND.extend(held_by(run))
            raise
        FOUND.extend(held_by(run))
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "execute", watching)
        yield


def held_by(run: Run) -> list[str]:
    """What a run holds that has ended."""
    context = run.context
    # One that only undoes shows the steps as the run left them that it is about.
    active = {} if run._undo_only else context.state.active
    return [
        f"{context.run_id} ended with {what}" for what in (*_held(context), *(f"active step: {one}" for one in active))
    ]


def _held(run: RunContext) -> Iterator[str]:
    told = {
        "waiting steps": run.operations.waiting,
        "held steps": run.operations.held,
        "breakers": run.breakers,
        "open approvals": run.approvals.open,
        "withdrawals": {**run.withdrawals._whole, **run.withdrawals._inside},
        "undos": run.saga._undoing,
        "waiting for locks": [name for name, slots in run.locks._slots.items() if slots._waiting],
    }
    counts = {
        "waiting for events": run.events.attended,
        "waiting for changes": run.state.changes._readers.total(),
        "slots taken": run.plan.workflow.max_parallel_steps - run.slots._free,
        "in flight": run.continuation._in_flight,
        "counted below zero": sum(count < 0 for count in run.state.counts.values()),
    }
    yield from (f"{what}: {sorted(names)}" for what, names in told.items() if names)
    yield from (f"{what}: {count}" for what, count in counts.items() if count)
