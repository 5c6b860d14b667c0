"""The actions a worker serves: those of installed packages, by setting, and of the library where asked for."""

from __future__ import annotations

from advanced_workflow.activities import library
from advanced_workflow.activities.worker.registry import ActionRegistry
from advanced_workflow.client.settings import Settings


def load_actions(settings: Settings) -> ActionRegistry:
    """Load all actions, by name.

    Raises:
        ActionsNotLoaded: a module cannot be imported or has no actions, or two actions have the same name.
    """
    return ActionRegistry.discover([*(library.MODULES if settings.library == "on" else ()), *settings.actions])
