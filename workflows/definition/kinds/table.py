"""The kind of each step type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from advanced_workflow.workflows.definition.kinds import (
    action,
    assign,
    conditional,
    human_approval,
    loop,
    orchestrator,
    parallel,
    raising,
    react,
    rollback,
    sub_workflow,
    wait,
    webhook,
)
from advanced_workflow.workflows.definition.kinds.kind import Kind
from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.places import Loc
from advanced_workflow.workflows.definition.problems.problem import Problem

KINDS: Final[dict[StepType, Kind[Any]]] = {
    kind.step_type: kind
    for kind in (
        action.SEQUENTIAL,
        action.WORKER,
        parallel.KIND,
        conditional.KIND,
        loop.KIND,
        human_approval.KIND,
        react.KIND,
        orchestrator.KIND,
        webhook.KIND,
        wait.KIND,
        sub_workflow.KIND,
        rollback.KIND,
        assign.KIND,
        raising.KIND,
    )
}
_WITH_A_FIELD = tuple((kind.field, kind) for kind in KINDS.values() if kind.field is not None)


def kind_problems(step: DefinitionModel, loc: Loc) -> Iterator[Problem]:
    """What is wrong in the fields that only one kind of step has; also where the step is of another."""
    for field, kind in _WITH_A_FIELD:
        value = kind.value(step)
        if value is not None:
            yield from kind.problems(value, (*loc, field))


def kind_lines(step: DefinitionModel) -> Iterator[str]:
    """What a drawing writes below a step of the fields that only one kind has."""
    for _, kind in _WITH_A_FIELD:
        value = kind.value(step)
        if value is not None:
            yield from kind.lines(value)
