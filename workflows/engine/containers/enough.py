"""When a container has enough: `complete_when` ends what runs inside; and when its success rate is out of reach."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from advanced_workflow.workflows.contract import ErrorInfo, Json, SkipReason
from advanced_workflow.workflows.engine.step.context import Done, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure

ENOUGH = "enough"
"""In the cursor of a container that `complete_when` has made a success."""


class Enough:
    """`complete_when`: ends what runs inside a container once its expression holds."""

    def __init__(self, step: StepContext) -> None:
        """Nothing was looked at yet."""
        self._step = step
        self._task: asyncio.Future[None] | None = None
        self._error: StepFailure | None = None
        self.reached = False

    def look(self, total: int, completed: int, failed: int) -> None:
        """A nested step or copy ended: evaluate."""
        test = self._step.plan.complete_when
        if test is None or self.reached or self._task is None:
            return
        progress = {"total": total, "completed": completed, "failed": failed}
        try:
            with self._step.reading("complete_when"):
                self.reached = test.holds(self._step.scope(progress=progress))
        except StepFailure as failure:
            self._error = failure
        if self.reached:
            self._step.record.cursor[ENOUGH] = True
        if self.reached or self._error:
            self._step.run.withdrawals.empty(self._step.path, SkipReason.NOT_NEEDED)
            self._task.cancel()

    async def watch(self, work: Coroutine[Any, Any, None]) -> None:
        """Await the work, until it ends or is no longer needed."""
        if self._step.plan.complete_when is None:
            await work
            return
        self._task = asyncio.ensure_future(work)
        try:
            await self._task
        except asyncio.CancelledError:
            if not self.reached and self._error is None:
                raise
        finally:
            self._step.run.withdrawals.emptied(self._step.path)
        if self._error is not None:
            raise self._error


def rate_is_lost(step: StepContext, completed: int, failed: int, left: int) -> bool:
    """Whether a container's success rate is out of reach, even if all that is left completes.

    It never is where `complete_when` may still make the container a success, or where `add_on` may still bring any number of items
    that do, which is so as long as a copy runs, unless all must succeed.
    """
    needed = step.plan.retries.success_threshold
    if not failed or not left or step.plan.complete_when is not None:
        return False
    if step.plan.step.add_on is not None and needed < 1:
        return False
    return (completed + left) / (completed + failed + left) < needed


def judged(
    step: StepContext, output: dict[str, Json], names: str, what: str, *, satisfied: bool, cut_off: int = 0
) -> Done:
    """The container's success, or its failure where fewer succeeded than its policy needs; `cut_off` were not let end."""
    needed = step.plan.retries.success_threshold
    if satisfied or output["success_rate"] >= needed:
        return Done(output)
    counts = f"{output['successful_steps']} of {output['total_steps']} {what} succeeded and a rate of {_rate(needed)} is needed"
    counts += f", so {cut_off} more were cancelled or not started" if cut_off else ""
    message = f"step {step.path!r}: {counts}; failed: {names}."
    raise StepFailure(ErrorInfo(type="ParallelFailed", message=message, details={**output, "results": []}))


def _rate(needed: float) -> str:
    """`1.0`, `0.5`, `0.667`."""
    return str(round(float(needed), 3))
