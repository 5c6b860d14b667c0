"""How much one workflow task may send: the server ends a run whose task completes with more than 4 MiB."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from advanced_workflow.workflows.engine.state.slots import Slots

TASK_LIMIT_STEPS = 1_000
"""Steps that may settle in one workflow task: a task that does not yield for two seconds counts as a deadlock."""
LOCAL_STEPS = 5
"""Local activities keep their workflow task open, and queries and signals wait for its end: one counts as so many steps."""
TASK_LIMIT_BYTES = 5 * 512 * 1024
"""2.5 MiB: with the pinned definition (1 MiB) and the envelopes it stays under the server's 4 MiB for one message."""


class TaskBudget:
    """Spreads large inputs of actions that start together over several workflow tasks."""

    def __init__(self) -> None:
        """Nothing was sent."""
        self._task: int = 0
        self._sent = 0
        self._settled = 0
        self._turn = Slots(1)

    def settled(self, steps: int = 1) -> None:
        """A step settled in this task, or did work that counts as several."""
        self._begin_task()
        self._settled += steps

    async def breathe(self) -> None:
        """Wait for the next workflow task where this one has done enough."""
        if self._settled < TASK_LIMIT_STEPS:
            return
        async with self._turn.hold():
            while self._is_worn():
                await workflow.sleep(timedelta(milliseconds=1), summary="room for more steps")

    def _is_worn(self) -> bool:
        self._begin_task()
        return self._settled >= TASK_LIMIT_STEPS

    async def reserve(self, size: int) -> None:
        """Wait until this many bytes fit into the current workflow task; a single value always does."""
        # One after the other: however many wait, one timer brings the next task.
        async with self._turn.hold():
            while not self._fits(size):
                await workflow.sleep(timedelta(milliseconds=1), summary="room for large inputs")

    def _fits(self, size: int) -> bool:
        self._begin_task()
        if self._sent and self._sent + size > TASK_LIMIT_BYTES:
            return False
        self._sent += size
        return True

    def _begin_task(self) -> None:
        # The history grows between workflow tasks and never within one.
        task: int = workflow.info().get_current_history_length()
        if task != self._task:
            self._task, self._sent, self._settled = task, 0, 0
