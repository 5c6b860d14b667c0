"""The actions that both sides call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from advanced_workflow.activities.action.decorator import action, action_of
from tests.benchmarks.handwritten import NOTHING, PASS_ON


@action(name=NOTHING)
async def nothing() -> None:
    """Does nothing."""


@action(name=PASS_ON)
async def pass_on(value: Any) -> Any:
    """Gives what it takes."""
    return value


def activity_of(function: Callable[..., Any]) -> Callable[..., Any]:
    """An action as a worker takes it."""
    described = action_of(function)
    assert described is not None
    return described.activity()


ACTIONS = [activity_of(one) for one in (nothing, pass_on)]
