"""Which names an expression may use, by the field it stands in."""

from __future__ import annotations

from typing import Final

ORDINARY: Final = frozenset({"input", "workflow", "steps", "run"})
"""Everywhere, the workflow's `output` included."""

INPUT: Final = frozenset({"input"})
"""All there is before a run begins."""

STEP: Final = frozenset({"step"})
"""Added in the fields of a step: its own `path` and `idempotency_key`."""

FOR_EACH: Final = frozenset({"item", "index"})
"""Added for what runs once per item of a `for_each`."""

LOOP: Final = frozenset({"iteration"})
"""Added inside a `loop`: the number of the round."""

RESULT: Final = frozenset({"result"})
"""Added in `output_mapping` and `rollback_mapping`: what the step's action returned."""

EVENT: Final = frozenset({"event"})
"""Added where an event is matched: its data."""

CALL: Final = frozenset({"call"})
"""Added in the tools of an agent: the arguments that the model chose for a call."""

ORCHESTRATED: Final = frozenset({"task", "results"})
"""Added in the workers of an orchestrator: the task, and what its subtasks gave so far, by their ids. `step` is not seen there: what a
subtask is given is fixed before its step exists."""

PROGRESS: Final = frozenset({"progress"})
"""Added in `complete_when`: counts of the nested steps or copies."""


def with_names(roots: frozenset[str], adds: frozenset[str]) -> frozenset[str]:
    """The names that a field sees which adds some to those of its place."""
    return roots | adds if not adds >= ORCHESTRATED else (roots | adds) - STEP


def roots_at(*, in_for_each: bool = False, in_loop: bool = False) -> frozenset[str]:
    """Return the names for an ordinary field of a step at that place; add `RESULT` or `EVENT` where they apply."""
    nothing: frozenset[str] = frozenset()
    return ORDINARY | STEP | (FOR_EACH if in_for_each else nothing) | (LOOP if in_loop else nothing)
