"""What a failure left done that the run goes on after: it is undone by itself before its container settles, or kept, and reported."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

from advanced_workflow.workflows.contract import Json, UndoEntry, UndoOutcome
from advanced_workflow.workflows.engine.actions.undo import undo_tolerated_part
from advanced_workflow.workflows.engine.graph.driver import ended
from advanced_workflow.workflows.engine.graph.scheduler import Graph
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.failures import failure_of
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.engine.undo.action import actions_left
from advanced_workflow.workflows.engine.undo.armed import Armed
from advanced_workflow.workflows.engine.undo.backwards import Part
from advanced_workflow.workflows.errors import RollbackIncomplete

NOTE = "tolerated"
"""The note of a container that says how many failures it tolerated and what became of what they left."""
_UNDONE = "undone"
"""In the cursor: what of the container was undone and would run as new; names of its steps, or True for all of it."""
_NOT_UNDONE = "not_undone"
"""In the cursor: undo actions that failed."""
_MOST_NAMED = 10
_TOLD = {UndoOutcome.UNDONE: "undone", UndoOutcome.FAILED: "failed_undo"}


async def settle_skipped(step: StepContext, *, stands: bool) -> None:
    """An operator goes on without a step that has begun: what a container did is undone as after a tolerated failure, the rest is told.

    What it did `stands` where the operator gives a result in its place. Raises `StepFailure` where an undo action fails.
    """
    log = step.frame.undo
    own, passes = log.needing(step.key), log.inner.get(step.key)
    if own and patched(Patch.RULES_2):
        _keep(step, own)
    if passes is not None and not (part := Part(step.plan, passes)).is_done:
        await settle_tolerated(step, part, {}, keep=stands)


async def settle_tolerated(step: StepContext, part: Part, failures: Mapping[str, Json], *, keep: bool = False) -> None:
    """Undo what tolerated failures left, or keep it, as the definition says or is asked for; once begun, it is finished.

    `failures` is what the report says of them. Raises `StepFailure` of type `RollbackIncomplete` where an undo action fails.
    """
    cursor = step.record.cursor
    note: dict[str, Any] = step.record.notes.setdefault(NOTE, dict(failures))
    if (part.is_done and not cursor.get(_NOT_UNDONE)) or not patched(Patch.RULES_2):
        return
    if keep or step.plan.step.tolerated_failure == "keep":
        note["kept"] = _keep(step, part.left())
        return
    if part.keys is None or part.steps is not None:  # Copies that failed run as new anyway.
        cursor[_UNDONE] = sorted(part.steps) if part.steps is not None else True
    await _undo(step, part, note)
    failed: list[str] = cursor.pop(_NOT_UNDONE, [])
    if failed:
        names = ", ".join(failed[:_MOST_NAMED])
        message = f"step {step.path!r}: a failure inside was tolerated, but {len(failed)} undo actions failed: {names}."
        raise failure_of(RollbackIncomplete(message))


async def _undo(step: StepContext, part: Part, note: dict[str, Any]) -> None:
    def hear(entry: UndoEntry) -> None:
        if entry.outcome in _TOLD:
            note[_TOLD[entry.outcome]] = note.get(_TOLD[entry.outcome], 0) + 1
        step.run.saga.by_itself += entry.outcome in (UndoOutcome.UNDONE, UndoOutcome.FAILED)
        if entry.outcome is UndoOutcome.FAILED:
            name = f"{entry.path} ({entry.action or 'its run'})"
            step.record.cursor.setdefault(_NOT_UNDONE, []).append(name)

    undoing = asyncio.ensure_future(undo_tolerated_part(step.run, part, step.path, hear))
    cancelled = await ended(undoing)
    undoing.result()
    if cancelled:
        raise asyncio.CancelledError


def _keep(step: StepContext, left: Iterable[Armed]) -> int:
    count = 0
    for armed in left:
        for action in actions_left(step.run.saga.plans[armed.step_id], armed):
            step.run.saga.keep(action.entry(UndoOutcome.KEPT))
            count += 1
    return count


def run_undone_as_new(step: StepContext) -> None:
    """An operator runs a container again: what was undone in it has no result any more."""
    undone: bool | list[str] = step.record.cursor.pop(_UNDONE, ())
    if undone is True:
        step.run.state.note_turns(step.record)
        step.record.cursor.clear()
        step.run.state.drop_inside(step.path)
        return
    for name in undone or ():
        path = step.frame.within(step.plan.step_id, step.key, step.frame.undo).path(name)
        step.run.state.drop_inside(path)
        step.run.state.reset(record := step.run.state.records[path])
        record.cursor.clear()


def branches_of(shape: Graph, failed: Set[str]) -> frozenset[str]:
    """The steps that depend on each other, directly or not, with one of these; error handlers belong to their owners."""
    found: dict[str, None] = dict.fromkeys(one for one in shape if one in failed)
    waiting: Sequence[str] = list(found)
    while waiting:
        near = [
            other
            for one in waiting
            for other in (
                *shape[one].dependencies,
                *shape[one].dependents,
                *shape[one].handlers,
                *shape[one].owners,
            )
        ]
        waiting = list(dict.fromkeys(one for one in near if one not in found))
        found.update(dict.fromkeys(waiting))
    return frozenset(found)
