"""Signs, colours and words of statuses."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from advanced_workflow.workflows.contract import SkipReason, UndoOutcome
from advanced_workflow.workflows.definition.model.step_type import StepStatus


@dataclass(frozen=True, slots=True)
class Look:
    """How one status looks; `ascii` where the terminal cannot show `sign`."""

    sign: str
    ascii: str
    style: str


STEP_LOOKS = {
    StepStatus.PENDING: Look("○", ".", "dim"),
    StepStatus.RUNNING: Look("▶", ">", "bold cyan"),
    StepStatus.RETRYING: Look("↻", "r", "bold yellow"),
    StepStatus.WAITING: Look("◷", "~", "bold yellow"),
    StepStatus.COMPLETED: Look("✔", "+", "green"),
    StepStatus.FAILED: Look("✘", "x", "bold red"),
    StepStatus.SKIPPED: Look("»", "-", "dim"),
}

UNDO_LOOKS = {
    UndoOutcome.PENDING: Look("↶", "<", "bold yellow"),
    UndoOutcome.UNDONE: Look("↶", "<", "green"),
    UndoOutcome.FAILED: Look("✘", "x", "bold red"),
    UndoOutcome.NOT_NEEDED: Look("»", "-", "dim"),
    UndoOutcome.KEPT: Look("»", "-", "yellow"),
}

SKIP_REASONS = {
    SkipReason.DEPENDENCY_FAILED: "a step before it did not complete",
    SkipReason.NOT_ROUTED: "the route went another way",
    SkipReason.CONDITION_FALSE: "its condition does not hold",
    SkipReason.BY_OPERATOR: "skipped by an operator",
    SkipReason.NOT_NEEDED: "enough others completed, or what is around it failed",
    SkipReason.CANCELLED: "an event ended it",
}

STATUS_STYLES = {
    "running": "cyan",
    "paused": "yellow",
    "rolling_back": "yellow",
    "completed": "green",
    "failed": "red",
    "timeout": "red",
    "timed_out": "red",
    "terminated": "red",
    "cancelled": "yellow",
    "canceled": "yellow",
}


def shows_unicode(console: Console) -> bool:
    """Whether the output can show the signs."""
    return console.encoding.lower().startswith("utf") and not console.is_dumb_terminal


def words(status: str) -> str:
    """A status as people write it."""
    return status.replace("_", " ")


def style_of(status: str) -> str:
    """The colour of a run's status, be it the run's own word or Temporal's."""
    return STATUS_STYLES.get(status, "")
