"""What expressions may cost in one workflow task: a run that has spent enough continues in the next one."""

from __future__ import annotations

from temporalio import workflow

from advanced_workflow.workflows.engine.state.turns import Turns
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.temporal.task_work import task_work
from advanced_workflow.workflows.expressions.budget import MAX_COST, Account

TASK_LIMIT_COST = MAX_COST // 2
"""With the one evaluation that goes beyond it a task thinks for a seventh of a second at most."""


class Thinking(Account):
    """The account of one run. Only what follows from its history is counted: no queries, and no validators of updates."""

    def __init__(self) -> None:
        """Nothing was evaluated."""
        super().__init__()
        self._turns = Turns()

    def is_strict(self) -> bool:
        """Whether what costs too much fails."""
        return workflow.unsafe.is_read_only() or patched(Patch.RULES_2)

    def spend(self, cost: int) -> None:
        """Count what an evaluation cost."""
        super().spend(cost)
        if not workflow.unsafe.is_read_only():
            task_work().thought.add(cost)

    async def pause(self) -> None:
        """Wait for the next workflow task where this one has thought enough."""
        if not self._is_tired() or not patched(Patch.RULES_2):
            return
        await self._turns.wait_while(self._is_tired, "time for more expressions")

    def _is_tired(self) -> bool:
        return task_work().thought.now >= TASK_LIMIT_COST
