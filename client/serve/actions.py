"""The actions a worker serves: those of installed packages, by setting, and of the library where asked for."""

from __future__ import annotations

from advanced_workflow.activities import library
from advanced_workflow.activities.worker.registry import ActionRegistry
from advanced_workflow.client.serve.foreign import foreign_actions
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.check.catalog import ActionInfo


def known_actions(registry: ActionRegistry, settings: Settings) -> dict[str, ActionInfo]:
    """What definitions may name on the run's queue: what this worker serves, and what `foreign_actions` says that others do."""
    return {**foreign_actions(settings), **registry.catalog()}


def load_actions(settings: Settings) -> ActionRegistry:
    """Load all actions, by name.

    Raises:
        ActionsNotLoaded: a module cannot be imported or has no actions, or two actions have the same name.
    """
    return ActionRegistry.discover([*(library.MODULES if settings.library == "on" else ()), *settings.actions])
