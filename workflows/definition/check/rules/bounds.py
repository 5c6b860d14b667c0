"""Rules about what Temporal takes: names, times, counts, and the length of the paths that become the ids of activities.

A command that the server refuses, or that cannot be written, would stop a run for good: whatever can be known before is refused here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from advanced_workflow.workflows.definition.graph.outline import Outline, Placement
from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.marked import marked, named
from advanced_workflow.workflows.definition.model.markers import AtMost, Duration, Name, QueueName
from advanced_workflow.workflows.definition.model.results import LEAST_SECONDS
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, problem, shorten
from advanced_workflow.workflows.definition.problems.problem import Problem

LONGEST_PATH = 900
"""Characters of a step's path: as the id of an activity, of 1,000, it has room for what is added to it (`.rollback[12]`)."""
_RESERVED = "/_sys/"
_COPY_ROOM = 10
"""Characters for the number of a copy: `[12345678]`."""


def bound_problems(part: DefinitionModel, loc: Loc = ()) -> Iterator[Problem]:
    """Every name, time and count of a part that Temporal would refuse."""
    for place, name, mark in named(part, Name, loc):
        yield from _name_problems(name, mark, place)
    for place, value, _ in marked(part, Duration, loc):
        if isinstance(value, int | float) and value < LEAST_SECONDS:
            message = f"{value:g} s is less than a millisecond, and times are counted in those."
            yield problem(Code.WRONG_VALUE, place, message, f"Write {LEAST_SECONDS} or more.")
    for place, value, mark in marked(part, AtMost, loc):
        if isinstance(value, int | float) and value > mark.most:
            message = f"{value} is more than Temporal can count, which is {mark.most:,}."
            yield problem(Code.WRONG_VALUE, place, message, "Write a smaller number.")


def _name_problems(name: str, mark: Name, loc: Loc) -> Iterator[Problem]:
    if not name.strip() and not (mark.may_be_empty and not name):
        yield problem(Code.WRONG_VALUE, loc, f"{mark.what} is empty.", "Write a name.")
    elif any(unicodedata.category(one) == "Cc" for one in name):
        message = f"{shorten(ascii(name))} has a control character; {mark.what} may have none."
        yield problem(Code.WRONG_VALUE, loc, message, "Remove it.")
    elif (size := len(name.encode("utf-8", "replace"))) > mark.longest:
        message = f"{mark.what} has {size:,} bytes; {mark.longest:,} are allowed."
        yield problem(Code.TOO_LARGE, loc, message, "Write a shorter one.")
    elif isinstance(mark, QueueName) and name.startswith(_RESERVED):
        message = f"{shorten(name)!r} begins with {_RESERVED!r}, which Temporal keeps for its own queues."
        yield problem(Code.WRONG_VALUE, loc, message, "Write another name.")


def path_problems(found: Outline) -> Iterator[Problem]:
    """Steps so deep, with ids so long, that their paths are no longer ids of activities."""
    lengths: dict[int, int] = {}
    owners = _longest_owners(found)
    for placement in found.placements:
        owner = placement.graph.owner
        around = 0 if owner is None else lengths[owner.number] + 1
        own = len(placement.step.step_id) + owners.get(placement.number, 0)
        lengths[placement.number] = around + own + _number_room(placement)
        if around + own > LONGEST_PATH >= around:
            message = f"the path of step {shorten(placement.step.step_id)!r}, with all around it, is longer than {LONGEST_PATH} characters."
            yield problem(Code.TOO_LARGE, placement.loc, message, "Shorten the ids of the steps around it.")


def _number_room(placement: Placement) -> int:
    step = placement.step
    if step.for_each is not None:
        return _COPY_ROOM
    return len(f"#{step.loop_max_iterations}") if step.step_type is StepType.LOOP else 0


def _longest_owners(found: Outline) -> dict[int, int]:
    """Of each error handler: the room for the longest id of a step that it is for."""
    longest: dict[int, int] = {}
    for placement in found.placements:
        for handler in placement.step.error_handlers:
            other = placement.graph.ids.get(handler.handler)
            if other is not None:
                room = len(placement.step.step_id) + 1
                longest[other.number] = max(longest.get(other.number, 0), room)
    return longest
