"""What an operator may say of a step that does not run: run it again, or go on without it, with or without an output in its place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from advanced_workflow.workflows.contract import Json


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
