"""What waits without an end of its own: the run's `timeout` ends it, and then all is undone that the run did."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import cast

from pydantic import BaseModel

from advanced_workflow.workflows.definition.graph.outline import Outline, Placement
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.definition.kinds.react import Agent
from advanced_workflow.workflows.definition.model.marked import mark_of, marks_of
from advanced_workflow.workflows.definition.model.markers import EndsWait, Nested
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def deadline_problems(found: Outline, workflow: AdvancedWorkflow) -> Iterator[Problem]:
    """Warn of each wait of a step that nothing in the definition ends but the run's `timeout`."""
    races = frozenset(id(one.graph) for one in found.placements if one.step.cancel_rest)
    for placement in found.placements:
        if not _is_ended_by_others(placement, races):
            yield from _problems(placement, workflow)


def _problems(placement: Placement, workflow: AdvancedWorkflow) -> Iterator[Problem]:
    seconds = workflow.timeout if isinstance(workflow.timeout, str) else f"{workflow.timeout:g} s"
    whole = seconds if "timeout" in workflow.model_fields_set else f"{seconds}, as it has no 'timeout' of its own"
    parts = [*_parts(placement.step, placement.loc)]
    if placement.step.step_type is StepType.HUMAN_APPROVAL and placement.step.approval is None:
        parts.append(((*placement.loc, "approval"), Approval()))
    for loc, part in parts:
        for field, mark in marks_of(type(part), EndsWait).items():
            waits = mark.of is None or getattr(part, mark.of) is not None
            if waits and getattr(part, field) is None and not _is_told(part, mark.after):
                yield _endless(loc, mark.what, field, whole)
        for index, name in _approved_by_anybody(part):
            yield _endless((*loc, "tools", index), f"a call of {name!r} waits for people", "approval.deadline", whole)


def _is_told(part: BaseModel, after: str) -> bool:
    info = type(part).model_fields.get(after)
    return info is not None and getattr(part, after) != info.default


def _endless(loc: Loc, what: str, field: str, whole: str) -> Problem:
    message = f"{what}, and only the end of the run ends that ({whole}): the run fails then, and is undone."
    fix = f"Add '{field}' in seconds, and give the workflow a longer 'timeout'."
    return warning(Code.NO_DEADLINE, loc, message, fix)


def _approved_by_anybody(part: BaseModel) -> Iterator[tuple[int, str]]:
    for index, tool in enumerate(part.tools if isinstance(part, Agent) else ()):
        asks = tool.asks or tool.label in cast("Agent", part).approve_tools
        if asks and tool.approval is None:
            yield index, tool.label


def _parts(part: BaseModel, loc: Loc) -> Iterator[tuple[Loc, BaseModel]]:
    """The objects of a step that are written, itself included; nested steps are looked at for themselves."""
    yield loc, part
    for name in type(part).model_fields:
        if name in part.model_fields_set and mark_of(type(part), name, Nested) is None:
            value: object = getattr(part, name)
            items = enumerate(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else [(None, value)]
            for index, one in items:
                if isinstance(one, BaseModel):
                    yield from _parts(one, (*loc, name) if index is None else (*loc, name, index))


def _is_ended_by_others(placement: Placement, races: Collection[int]) -> bool:
    """Whether an event, a race (the graphs that have one) or enough successes may end the step, or what is around it."""
    around: Placement | None = placement
    while around is not None:
        step = around.step
        if step.cancel_on is not None or step.complete_when is not None or id(around.graph) in races:
            return True
        around = around.graph.owner
    return False
