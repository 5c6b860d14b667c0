"""How much one workflow task may do.

The server ends a run whose task completes with more than 4 MiB, and the SDK fails a task that does not yield for two seconds.
"""

from __future__ import annotations

from advanced_workflow.workflows.engine.state.turns import Turns
from advanced_workflow.workflows.engine.temporal.next_task import task_number
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched

TASK_LIMIT_STEPS = 1_000
"""Steps that may settle in one workflow task, and with those as many as may start."""
LOCAL_STEPS = 5
"""Local activities keep their workflow task open, and queries and signals wait for its end: one counts as so many steps."""
TASK_LIMIT_BYTES = 5 * 512 * 1024
"""2.5 MiB: with the pinned definition (1 MiB) and the envelopes it stays under the server's 4 MiB for one message."""


class TaskBudget:
    """Spreads steps, and large inputs of actions, that could be had together over several workflow tasks."""

    def __init__(self) -> None:
        """Nothing was done."""
        self._task: int = 0
        self._sent = 0
        self._settled = 0
        self._started = 0
        self._turns = Turns()

    def settled(self, steps: int = 1) -> None:
        """A step settled in this task, or did work that counts as several."""
        self._begin_task()
        self._settled += steps

    async def breathe(self) -> None:
        """Wait for the next workflow task where enough settled in this one."""
        if self._settled < TASK_LIMIT_STEPS:
            return
        await self._turns.wait_while(self._is_worn, "room for more steps")

    def _is_worn(self) -> bool:
        self._begin_task()
        return self._settled >= TASK_LIMIT_STEPS

    def may_start(self) -> bool:
        """Whether one more step may start in this task; if so, it counts."""
        if self._is_full() and patched(Patch.SHORT_TASKS):
            return False
        self._started += 1
        return True

    async def room(self) -> None:
        """Wait for a workflow task in which steps may start."""
        await self._turns.wait_while(self._is_full, "room for more steps")

    def _is_full(self) -> bool:
        self._begin_task()
        return self._started + self._settled >= TASK_LIMIT_STEPS

    async def reserve(self, size: int) -> None:
        """Wait until this many bytes fit into the current workflow task; a single value always does."""
        await self._turns.wait_while(lambda: not self._fits(size), "room for large inputs")

    def _fits(self, size: int) -> bool:
        self._begin_task()
        if self._sent and self._sent + size > TASK_LIMIT_BYTES:
            return False
        self._sent += size
        return True

    def _begin_task(self) -> None:
        task = task_number()
        if task != self._task:
            self._task, self._sent, self._settled, self._started = task, 0, 0, 0
