"""How much one workflow task may do, and how much it may send.

The server ends a run whose task completes with more than 4 MiB, and the SDK fails a task that does not yield for two seconds.
"""

from __future__ import annotations

from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES
from advanced_workflow.workflows.engine.state.turns import Turns
from advanced_workflow.workflows.engine.temporal.next_task import next_task
from advanced_workflow.workflows.engine.temporal.outgoing import outgoing
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.quiet import quiet
from advanced_workflow.workflows.engine.temporal.task_work import task_work

TASK_LIMIT_STEPS = 1_000
"""Steps that may settle in one workflow task, and with those a quarter as many that start."""
STARTED_STEPS = 4
"""Starting a step takes as long as settling so many: some tenths of a millisecond."""
LOCAL_STEPS = 5
"""Local activities keep their workflow task open, and queries and signals wait for its end: one counts as so many steps."""
_INPUTS_LIMIT_BYTES = 5 * 512 * 1024
"""2.5 MiB: all that a run of 0.1.0 counted was the inputs of actions."""
LOCAL_ROOM_BYTES = 128 * 1024
"""Room for the result of a local activity; a larger one its worker keeps until it was asked for, once there is room for it."""
_LARGEST = PAYLOAD_LIMIT_BYTES + 64 * 1024
"""Bytes of the largest value, and what is sent around it. It fits into a task that has sent nothing, so nobody waits for ever."""


class TaskBudget:
    """Spreads what could be done and sent at once over several workflow tasks."""

    def __init__(self) -> None:
        """Nobody waits."""
        self._turns = Turns()

    def settled(self, steps: int = 1) -> None:
        """A step settled in this task, or did work that counts as several."""
        task_work().settled.add(steps)

    async def breathe(self) -> None:
        """Wait for the next workflow task where enough settled in this one."""
        if self._is_worn():
            await self._turns.wait_while(self._is_worn, "room for more steps")

    def _is_worn(self) -> bool:
        return task_work().settled.now >= TASK_LIMIT_STEPS

    def may_start(self) -> bool:
        """Whether one more step may start in this task; if so, it counts."""
        if self._is_full() and patched(Patch.SHORT_TASKS):
            return False
        task_work().started.add(STARTED_STEPS)
        return True

    async def room(self) -> None:
        """Wait for a workflow task in which steps may start."""
        await self._turns.wait_while(self._is_full, "room for more steps")

    def _is_full(self) -> bool:
        work = task_work()
        return work.started.now + work.settled.now >= TASK_LIMIT_STEPS

    async def reserve(self, size: int) -> None:
        """As release 0.1.0 did: wait until inputs of this size fit into the current workflow task; a single one always does."""
        if not patched(Patch.RULES_2):
            await self._turns.wait_while(lambda: not self._takes(size), "room for large inputs")

    async def room_for(self, size: int) -> None:
        """Wait for a workflow task that may still send so many bytes, one after the other in the order of asking.

        They are counted when they are sent, and that is to be at once: whoever awaits anything else before has to ask again.
        """
        if not patched(Patch.RULES_2):
            return
        wanted, sending = min(size, _LARGEST), outgoing()
        async with self._turns.own():
            while not sending.fits(wanted):
                if sending.fits_later(wanted):
                    await next_task("room for large values")
                else:  # Local activities hold it, which are about to end.
                    await quiet(lambda: sending.fits(wanted) or sending.fits_later(wanted))

    def may_end(self) -> bool:
        """Whether this workflow task may still send the largest report, or what is carried on."""
        return self.fits(_LARGEST)

    def fits(self, size: int) -> bool:
        """Whether this workflow task may still send so many bytes."""
        return outgoing().fits(min(size, _LARGEST)) or not patched(Patch.RULES_2)

    def _takes(self, size: int) -> bool:
        inputs = task_work().inputs
        if inputs.now and inputs.now + size > _INPUTS_LIMIT_BYTES:
            return False
        inputs.add(size)
        return True
