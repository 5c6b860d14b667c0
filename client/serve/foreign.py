"""Actions that other workers of the run's queue serve, as a setting names them."""

from __future__ import annotations

from collections.abc import Mapping

from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.check.catalog import ActionInfo


def with_foreign(own: Mapping[str, ActionInfo], settings: Settings) -> dict[str, ActionInfo]:
    """What definitions may name on the run's queue: a worker's own actions, and those of others, of which only the name is known."""
    foreign = {name: ActionInfo(name, computes_retry_delay=False) for name in settings.foreign_actions}
    return {**foreign, **own}
