"""The numbers of a step that its definition may leave to expressions, and the times of its attempts among them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias, TypeVar, cast

from advanced_workflow.workflows.definition.model.marked import marked
from advanced_workflow.workflows.definition.model.markers import Pinned
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.expressions import Expression, compile_expression

N = TypeVar("N", int, float)
Numbers: TypeAlias = Mapping[str, float]
"""What expressions gave when the step started, by the places of their fields."""

_OF_OTHERS: Final = frozenset({"agent", "orchestrator"})
"""Fields whose expressions belong to other steps: the calls of tools."""
_DEFAULT_TIMEOUT: Final[float] = WorkflowStep.model_fields["timeout"].default
NONE: Final[Numbers] = {}


@dataclass(frozen=True, slots=True)
class Computed:
    """A number that an expression gives; `read` raises ValueError for a value that is none."""

    place: str
    expression: Expression
    read: Callable[[object], object]


def computed_numbers(step: WorkflowStep, roots: frozenset[str]) -> Iterator[Computed]:
    """Those of a step whose expressions may use these names."""
    for loc, value, mark in marked(step, Pinned):
        if isinstance(value, str) and loc[0] not in _OF_OTHERS and mark.reads is not None:
            yield Computed(".".join(map(str, loc)), compile_expression(value, roots), mark.reads)


def number_at(place: str, written: N | str | None, numbers: Numbers) -> N | None:
    """A number of the definition, or what the expression in its place gave; None where neither is there."""
    return cast("N | None", numbers.get(place)) if isinstance(written, str) else written


@dataclass(frozen=True, slots=True)
class Limits:
    """The times of a step's attempts."""

    timeout: timedelta
    total_timeout: timedelta | None
    heartbeat_timeout: timedelta | None
    queue_timeout: timedelta | None


def limits_of(step: WorkflowStep, numbers: Numbers = NONE) -> Limits:
    """Those of a step; where an expression was never asked, as if nothing were written."""

    def limit(name: str) -> timedelta | None:
        written: float | str | None = getattr(step, name)
        found = number_at(name, written, numbers)
        return None if found is None else timedelta(seconds=found)

    timeout = limit("timeout") or timedelta(seconds=_DEFAULT_TIMEOUT)
    return Limits(timeout, limit("total_timeout"), limit("heartbeat_timeout"), limit("queue_timeout"))
