"""Names that are the engine's own: no definition may use them as names of its actions or runs."""

from __future__ import annotations

from typing import Final

ACTIONS: Final = "adw."
"""What the names of the engine's own activities begin with."""
WORKFLOW_TYPES: Final = frozenset({"AdvancedWorkflow", "AdvancedWorkflowRollback", "AdvancedWorkflowUndo"})
"""The engine's own workflow types. They trust what they are started with, as only a run or an operator starts them."""


def is_reserved_action(name: str) -> bool:
    """Whether a name is that of an activity of the engine, which only the engine may call."""
    return name.startswith(ACTIONS)
