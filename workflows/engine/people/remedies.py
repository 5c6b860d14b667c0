"""What an operator may say of a step that does not run: run it again, or go on without it, with or without an output in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from advanced_workflow.workflows.contract import Json, SkipRequest
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.errors import OperationRefused


@dataclass(frozen=True, slots=True)
class Given:
    """What an operator gives in place of what a step would have given."""

    output: Json


Skip = Given | None
"""An operator goes on without a step: with an output in its place, or with none."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """An operator's word on a failed step."""

    again: bool
    """Whether it runs again; else the run continues without it."""
    given: Skip = None


@dataclass(frozen=True, slots=True)
class Waiter:
    """A step that waits, which an operator may skip. `fits` raises for an output that the step's mapping cannot use."""

    answer: asyncio.Future[Skip]
    fits: Callable[[Json], None]


@dataclass(frozen=True, slots=True)
class Held:
    """What failed and holds the run."""

    answer: asyncio.Future[Remedy]
    fits: Callable[[Json], None]
    needs_output: bool = False
    """Whether it cannot be skipped without one: the run's own output."""

    @property
    def choices(self) -> str:
        """What an operator may do."""
        return "retry_step, or skip_step with an output" if self.needs_output else "retry_step or skip_step"


def require_choice(path: str, plan: StepPlan, request: SkipRequest) -> None:
    """Raise where an operator skips a step that chooses routes without saying which steps come next."""
    targets = list(dict.fromkeys(one for route in plan.routes for one in route.targets))
    chosen = choice_of(request.output) if request.gives_output else None
    if chosen is None or not chosen <= set(targets):
        raise OperationRefused(
            f"step {path!r} chooses what comes next, so its skip needs the choice: give the output "
            f'{{"routed": [...]}} with some of {", ".join(targets)}, or an empty list.'
        )


def chooses(plan: StepPlan) -> bool:
    """Whether the step chooses which steps come next."""
    return plan.step.step_type is StepType.CONDITIONAL


def choice_of(output: Json) -> frozenset[str] | None:
    """The steps that an output names as routed to, as a step that chooses routes gives it; None for anything else."""
    routed = cast("dict[str, object]", output).get("routed") if isinstance(output, dict) else None
    names = cast("list[object]", routed) if isinstance(routed, list) else [None]
    texts = [one for one in names if isinstance(one, str)]
    return frozenset(texts) if len(texts) == len(names) else None
