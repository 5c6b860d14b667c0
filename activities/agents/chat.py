"""The models that are not scripted: LangChain makes them, where it is installed."""

from __future__ import annotations

from collections.abc import Iterable

from advanced_workflow.activities.agents.endpoints import Target
from advanced_workflow.activities.agents.failures import ModelError
from advanced_workflow.activities.agents.pieces import Provider
from advanced_workflow.workflows.contract import ModelFailure

EXTRA = 'pip install "advanced-workflow[agents]"'


def preload(providers: Iterable[str]) -> None:
    """Import what models of these providers need, before anything waits for it: it takes seconds."""
    del providers


def chat_model(target: Target, key: str | None) -> Provider:
    """The model of a target, with its key.

    Raises:
        ModelError: the packages for it are not installed.
    """
    del key
    raise ModelError(
        ModelFailure.NOT_INSTALLED,
        f"model {target.model!r} of {target.provider!r} needs packages that this worker lacks; {EXTRA}.",
    )
