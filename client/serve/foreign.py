"""Actions that other workers of the run's queue serve, as a setting names them."""

from __future__ import annotations

from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.check.catalog import ActionInfo


def foreign_actions(settings: Settings) -> dict[str, ActionInfo]:
    """They may be named by definitions; nothing is known of them but the name."""
    return {name: ActionInfo(name, computes_retry_delay=False) for name in settings.foreign_actions}
