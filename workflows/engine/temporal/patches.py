"""The changes that runs with an older history must not meet, each with the condition under which it may be removed.

A change needs a patch where a run would give the server other commands, or the same in another order, than its history says.
The new way is taken by runs that reach it for the first time; their history notes the id, and a replay gives the same answer.

Its life: `if patched(Patch.X): new way, else: old way`. Once its `ends` holds, the old way goes and `settled(Patch.X)` stays where
the question was. A release later the id goes, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from temporalio import workflow


class Patch(StrEnum):
    """The ids, as histories hold them: one that was released never changes and is never used again."""

    SHORT_TASKS = "short-tasks"
    UNSURE_WHEN_REFUSED = "unsure-when-refused"
    RULES_2 = "rules-2"


@dataclass(frozen=True, slots=True)
class Life:
    """What a patch is about, and how long it is needed."""

    since: str
    """The release that brought it."""
    changes: str
    """What the new way does, and what the old one did."""
    ends: str
    """When the old way may be removed: usually once no open history began before `since` was deployed everywhere. Each history
    has a start time of its own: `temporal workflow count --query "ExecutionStatus = 'Running' AND StartTime < '...'"` is 0."""


LIVES: Mapping[Patch, Life] = {
    Patch.SHORT_TASKS: Life(
        since="0.2.0",
        changes="A workflow task that did enough ends by a signal of the run to itself, and a timer did that; steps that start count "
        "too, and any number of them started in one task.",
        ends="No open history began before 0.2.0 was deployed everywhere.",
    ),
    Patch.UNSURE_WHEN_REFUSED: Life(
        since="0.2.0",
        changes="An action that its breaker refuses while its step is cancelled is undone, as earlier attempts may have taken effect; "
        "it counted as one without effect.",
        ends="No open history began before 0.2.0 was deployed everywhere.",
    ),
    Patch.RULES_2: Life(
        since="0.2.0",
        changes="The rules of 0.2.0 for what starts, what is cancelled and what is undone, all under one id: see the places that ask.",
        ends="No open history began before 0.2.0 was deployed everywhere.",
    ),
}
"""Of every patch."""


def patched(patch: Patch) -> bool:
    """Whether this run takes the new way. The first answer is a marker in the history, and stays."""
    return workflow.patched(patch)


def settled(patch: Patch) -> None:
    """The new way is the only one; histories that hold the id still replay."""
    workflow.deprecate_patch(patch)
