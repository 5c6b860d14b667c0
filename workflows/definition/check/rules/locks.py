"""Rules about locks: one limit for each name, and no step that waits for what is held around it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from advanced_workflow.workflows.definition.graph.outline import Outline, Placement
from advanced_workflow.workflows.definition.model.lock import Lock
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem, warning
from advanced_workflow.workflows.definition.problems.problem import Problem


def lock_problems(found: Outline, upstream: Sequence[int]) -> Iterator[Problem]:
    """Everything about the locks of a definition; `upstream` is a bit mask of the steps before each step."""
    first: dict[str, tuple[Placement, Lock]] = {}
    orders: dict[tuple[str, str], Placement] = {}
    for placement in found.placements:
        lock = placement.step.lock
        if lock is None:
            continue
        yield from _limit_problems(placement, lock, *first.setdefault(lock.name, (placement, lock)))
        held = dict(_held_around(placement))
        if lock.name in held:
            yield _held_already(placement, lock.name, held[lock.name])
            continue
        for outer in held:
            other = orders.get((lock.name, outer))
            if other is not None and not upstream[placement.number] >> other.number & 1:
                yield _other_order(placement, lock.name, outer, other)
            orders.setdefault((outer, lock.name), placement)


def _limit_problems(placement: Placement, lock: Lock, other: Placement, known: Lock) -> Iterator[Problem]:
    if lock.max_concurrent != known.max_concurrent:
        message = (
            f"the lock {lock.name!r} may be held by {lock.max_concurrent} at a time here, "
            f"and by {known.max_concurrent} on step {other.step.step_id!r}."
        )
        fix = "Write the same 'max_concurrent' on every step that names it."
        yield problem(Code.LOCK_LIMIT, (*placement.loc, "lock"), message, fix)


def _held_already(placement: Placement, name: str, owner: Placement) -> Problem:
    message = f"step {owner.step.step_id!r} around this one holds the lock {name!r}, so this one may wait for ever."
    loc = (*placement.loc, "lock")
    return problem(Code.LOCK_DEADLOCK, loc, message, "Remove one of the two, or name another lock.")


def _other_order(placement: Placement, inner: str, outer: str, other: Placement) -> Problem:
    message = (
        f"{inner!r} is taken here while {outer!r} is held, and the other way round on step {other.step.step_id!r}: "
        f"the two may wait for each other for ever."
    )
    loc = (*placement.loc, "lock")
    return warning(Code.LOCK_DEADLOCK, loc, message, "Take the locks in the same order everywhere.")


def _held_around(placement: Placement) -> Iterator[tuple[str, Placement]]:
    owner = placement.graph.owner
    while owner is not None:
        if owner.step.lock is not None:
            yield owner.step.lock.name, owner
        owner = owner.graph.owner
