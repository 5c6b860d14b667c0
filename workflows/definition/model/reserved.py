"""Names that are the engine's own: no definition may use them as names of its actions or runs."""

from __future__ import annotations

from typing import Final

ACTIONS: Final = "adw."
"""What the names of the engine's own activities begin with."""
WORKFLOW_TYPES: Final = "AdvancedWorkflow"
"""What the names of the engine's own workflow types begin with. As children of a run they trust what they are started with."""


def is_reserved_action(name: str) -> bool:
    """Whether a name is that of an activity of the engine, which only the engine may call."""
    return name.startswith(ACTIONS)


def is_reserved_workflow_type(name: str) -> bool:
    """Whether a name is that of a workflow type of the engine, or may become one."""
    return name.startswith(WORKFLOW_TYPES)
