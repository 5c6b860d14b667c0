"""The changes that runs with an older history must not meet, each with the condition under which it may be removed.

A change needs a patch where a run would give the server other commands, or the same in another order, than its history says.
The new way is taken by runs that were prepared by the rules that brought it, or else by runs that reach it for the first time; their
history notes the id, and a replay gives the same answer.

Its life: `if patched(Patch.X): new way, else: old way`. Once its `ends` holds, the old way goes and `settled(Patch.X)` stays where
the question was. A release later the id goes, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from temporalio import workflow

from advanced_workflow.workflows.contract import RULES


class Patch(StrEnum):
    """The ids, as histories hold them: one that was released never changes and is never used again."""

    SHORT_TASKS = "short-tasks"
    UNSURE_WHEN_REFUSED = "unsure-when-refused"
    RULES_2 = "rules-2"
    RULES_3 = "rules-3"
    RULES_4 = "rules-4"


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
    Patch.RULES_3: Life(
        since="0.2.0",
        changes="A workflow task that did enough ends by an activity, and a local activity with a signal did that; what was done since the "
        "server answered last counts, and what was done in a task counted by its number; messages take turns where they cost much.",
        ends="No open history began before 0.2.0 was deployed everywhere.",
    ),
    Patch.RULES_4: Life(
        since="0.2.0",
        changes="Whether a run continues as new is decided by the events that it knows to have caused; it was decided by the length that the "
        "SDK tells, which is another one in a replay where a query was answered beside a local activity. The paths of calls count as "
        "sent. An orchestrator begins no subtask before all that it needs has ended well, and undoes what failed beside a branch that is "
        "planned again; it began what needs several where one of these was done, and forgot the others' effects. Code of graphs does not go on once the run is cancelled. A `wait` "
        "whose `seconds` give a duration as text waits for so long; it failed. An action of another SDK whose result its worker could not send "
        "is undone. `multipleOf` divides numbers as they are written, not the doubles nearest to them. A child that could not undo "
        "everything is told with its cause first.",
        ends="No open history began before 0.2.0 was deployed everywhere.",
    ),
}
"""Of every patch."""


_SINCE_RULES: Mapping[Patch, int] = {
    Patch.SHORT_TASKS: 2,
    Patch.UNSURE_WHEN_REFUSED: 2,
    Patch.RULES_2: 2,
    Patch.RULES_3: 3,
    Patch.RULES_4: 4,
}
"""Patches that came with a new number of the rules: a run that was prepared by these needs no marker of them.

That is cheaper, and it is safe in a run's first moments: a local activity that lasts over several workflow tasks ends a task earlier in
a replay, and a question that is asked for the first time after it would then come before its marker, and be answered with no.
"""
_BY_RULES = {Patch.RULES_2, Patch.RULES_3, Patch.RULES_4}
"""Those that a run which was prepared by earlier rules never takes."""


class LaterRules(RuntimeError):
    """A later release prepared the run. It is no failure of the run: its workflow task is repeated until a worker of that release takes it."""


def follow_rules(number: int) -> None:
    """Take the rules by which this run was prepared (`Prepared.rules`, which its history holds). Raises `LaterRules`.

    By the rules that this build knows the run would decide otherwise than its history says, or take other effects than those who started
    it were promised.
    """
    if number > RULES:
        raise LaterRules(
            f"this run follows the engine's rules {number}, of a later release, and this worker knows those up to {RULES}; a worker of that "
            "release continues it: stop this one, or make that release the current version of a Worker Deployment."
        )
    workflow.instance().rules = number


def follows_rules(number: int) -> bool:
    """Whether it is known by now that this run was prepared by these rules, or by later ones. Asking makes no marker."""
    rules: int | None = getattr(workflow.instance(), "rules", None)
    return rules is not None and rules >= number


def patched(patch: Patch) -> bool:
    """Whether this run takes the new way: by the rules it was prepared by, else by a marker, which the first question makes."""
    rules: int | None = getattr(workflow.instance(), "rules", None)
    if rules is not None and patch in _SINCE_RULES:
        if rules >= _SINCE_RULES[patch]:
            return True
        if patch in _BY_RULES:
            return False
    return workflow.patched(patch)


def settled(patch: Patch) -> None:
    """The new way is the only one; histories that hold the id still replay."""
    workflow.deprecate_patch(patch)
