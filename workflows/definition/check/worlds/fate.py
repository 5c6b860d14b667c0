"""What may become of one step."""

from __future__ import annotations

from dataclasses import dataclass, field

from advanced_workflow.workflows.plain.decisions import ALWAYS, NEVER


@dataclass(slots=True)
class Fate:
    """Each field says in which worlds something holds, as a decision.

    A step that failed for good and takes the run (or the copy or round around it) with it has no world after it: that is `past`.
    """

    turn: int = NEVER
    """Its turn comes; its conditions are asked."""
    runs: int = NEVER
    """It begins."""
    succeeded: int = NEVER
    """It completed by itself."""
    broke: int = NEVER
    """It failed, and its error handlers are asked."""
    completed: int = NEVER
    """It counts as completed: by itself, or recovered by its error handlers."""
    failed: int = NEVER
    """It stays failed."""
    past: int = ALWAYS
    """It is settled, and the graph around it continues."""
    output: int = NEVER
    """It has an output."""
    full_output: int = NEVER
    """It has an output that is not null."""
    joining: int = NEVER
    """Its join, where that is an expression, is looked at."""
    inside: int = ALWAYS
    """What is inside of it ran in one round at least, and no failure there ended it."""
    rounds: int = ALWAYS
    """It ran one round at least."""
    cut: int = NEVER
    """What is inside of it may have been given up."""
    choices: list[int] = field(default_factory=list[int])
    """For each condition: it is asked."""
    routes: dict[str, int] = field(default_factory=dict[str, int])
    """Where a conditional step routes to."""
    late: dict[int, int] = field(default_factory=dict[int, int])
    """By the number of a step before it: that one need not be settled when this one starts."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How a graph takes the failures of its steps."""

    ends_with_one: bool
    """A failure that nothing recovers ends it, unless the step has `continue_on_failure`."""
    ends_with_any: bool = False
    """And then, too."""
