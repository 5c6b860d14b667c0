"""Laws on the order of undoing: what came later is undone first."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise, permutations

from tests.laws.stories import UNDO, Call, Known, Story

PART = re.compile(r"(?:(?P<owner>[\w-]+)!)?(?P<step>[\w-]+)(?:(?P<sign>[\[#])(?P<number>\d+)\]?)?")
_MOST = 30
"""Steps of one history whose order is looked at."""


def out_of_order(story: Story) -> Iterator[str]:
    """A step is undone after all that depends on it; rounds the latest first; the actions of one step in their order."""
    if any(one.get("step_type") == "rollback" for one in story.known.steps.values()):
        return
    undo: dict[str, list[Call]] = {}
    for call in story.deeds():
        found = UNDO.fullmatch(call.id)
        if found is not None:
            undo.setdefault(found["path"], []).append(call)
    once = {path: calls for path, calls in undo.items() if len({one.id for one in calls}) == len(calls)}
    for calls in once.values():
        yield from _mixed(calls)
    if 1 < len(once) <= _MOST:
        yield from _too_soon(story, once)


def _mixed(calls: list[Call]) -> Iterator[str]:
    """The undo actions of one step run in their order, one after the other."""
    numbers = [int(one.id.rpartition("[")[2][:-1]) for one in calls]
    if numbers != sorted(numbers):
        yield f"{calls[0].id} began before those that come before it"
    for one, other in pairwise(calls):
        if not one.ended_by(other.begun):
            yield f"{other.id} began before {one.id} had ended"


def _too_soon(story: Story, undo: Mapping[str, list[Call]]) -> Iterator[str]:
    acted = {one.id: one.begun for one in story.deeds()}
    for earlier, later in permutations(undo, 2):
        first = undo[earlier][0].begun
        if acted.get(later, 0) < first and _comes_after(story.known, later, earlier):
            yield from (f"{earlier} was undone before {later}" for one in undo[later] if not one.ended_by(first))


def _comes_after(known: Known, later: str, earlier: str) -> bool:
    """Whether a step came after another one, by the edges of the graph that holds both or what they are in."""
    in_turn = False
    for one, other in zip(later.split("."), earlier.split("."), strict=False):
        if one == other:
            in_turn = in_turn or (known.steps.get(one.partition("[")[0]) or {}).get("step_type") == "react"
            continue
        if in_turn:  # Calls of one turn of an agent are made at the same time.
            return False
        late, early = PART.fullmatch(one), PART.fullmatch(other)
        if late is None or early is None or early["owner"]:
            return False
        if late["owner"]:
            return late["owner"] == early["step"]
        if _owners(known, late["step"]) == [early["step"]]:  # An error handler ran when its owner had failed.
            return True
        if late["step"] == early["step"]:
            in_turns = known.steps.get(late["step"], {}).get("step_type") == "react"
            return (late["sign"] == "#" or in_turns) and int(late["number"]) > int(early["number"])
        return early["step"] in _before(known, late["step"])
    return False


def _owners(known: Known, handler: str) -> list[str]:
    """The steps that an error handler is for."""
    return [
        step_id
        for step_id, step in known.steps.items()
        for one in step.get("error_handlers") or ()
        if (one if isinstance(one, str) else one["handler"]) == handler
    ]


def _before(known: Known, step_id: str) -> set[str]:
    """All steps that a step depends on, directly or not."""
    found: set[str] = set()
    waiting = [step_id]
    while waiting:
        near = _sources(known).get(waiting.pop(), set()) - found
        found |= near
        waiting += near
    return found


def _sources(known: Known) -> dict[str, set[str]]:
    if not known.sources:
        for step_id, step in known.steps.items():
            known.sources.setdefault(step_id, set()).update(step.get("dependencies") or ())
            routes = [
                route
                for one in step.get("conditions") or ()
                if isinstance(one, dict)
                for route in one.get("next_steps") or ()
            ]
            for target in (*(step.get("next_steps") or ()), *routes):
                known.sources.setdefault(target, set()).add(step_id)
    return known.sources
