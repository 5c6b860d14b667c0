"""An undo action that says itself which workers run it."""

from __future__ import annotations

from typing import Annotated

from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.markers import ActionName, QueueName


class RollbackAction(DefinitionModel):
    """An undo action and its queue. One that is written as a bare name runs where its step ran."""

    action: Annotated[str, ActionName()]
    """The action that undoes."""
    agent_capability: Annotated[str | None, QueueName()] = None
    """Task queue of the workers that have it; the run's own queue when empty."""


def undo_call(written: str | RollbackAction, queue: str | None) -> RollbackAction:
    """The undo action and its queue, as `rollback_actions` of what runs on a queue (None: the run's own) say."""
    return written if isinstance(written, RollbackAction) else RollbackAction(action=written, agent_capability=queue)
