"""What became of the effects of a run after its end, as its ids tell it: for people, asking no worker."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.client.service.errors import translated_errors
from advanced_workflow.workflows.contract.paths import undo_run_id
from advanced_workflow.workflows.contract.undo_ids import owner_in, undoes

MOST_ATTEMPTS = 20
"""Attempts to undo that are looked up."""


@dataclass(frozen=True, slots=True)
class UndoneSince:
    """The latest attempt to undo what a run left."""

    run: str
    """Its id; of the rerun that has the effects now, where one has."""
    closed_at: datetime | None
    """None while it is under way, and for a rerun."""
    complete: bool
    taken_over: bool = False

    @property
    def sentence(self) -> str:
        """What became of it."""
        if self.taken_over:
            return f"what it did belongs to run {self.run!r} now"
        if self.closed_at is None:
            return f"the rest is being undone by run {self.run!r}"
        return f"the rest was undone by run {self.run!r}" if self.complete else f"run {self.run!r} left some of it, too"


async def undone_since(
    client: Client, id: str, execution_id: str, task_queue: str, *, completed: bool
) -> UndoneSince | None:
    """The latest attempt to undo what the run left; None where nobody tried it."""
    last: UndoneSince | None = None
    async with translated_errors(id, "describe"):
        for number in range(1, MOST_ATTEMPTS + 1):
            seen = await _description(client, undo_run_id(id, execution_id, number, completed=completed))
            if seen is None:
                break
            last = _read(seen, task_queue) or last
    return last


def _read(seen: WorkflowExecutionDescription, task_queue: str) -> UndoneSince | None:
    owner = owner_in(seen)
    if owner is not None:
        return UndoneSince(owner, None, complete=False, taken_over=True)
    if not undoes(seen, task_queue):
        return None
    return UndoneSince(seen.id, seen.close_time, complete=seen.status is WorkflowExecutionStatus.COMPLETED)


async def _description(client: Client, id: str) -> WorkflowExecutionDescription | None:
    try:
        return await client.get_workflow_handle(id).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise
