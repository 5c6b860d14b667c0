"""Runs single attempts of actions as a worker does, for the tests of actions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.action.decorator import action_of


async def call(function: Callable[..., Any], given: Any, step: str = "step", *, attempt: int = 1) -> Any:
    """Run one attempt; its idempotency key is `run:STEP`."""
    found = action_of(function)
    assert found is not None
    environment = ActivityEnvironment()
    environment.info = replace(environment.info, activity_id=step, workflow_run_id="run", attempt=attempt)
    return await environment.run(found.activity(), given)


async def fails(function: Callable[..., Any], given: Any, step: str = "step", *, attempt: int = 1) -> ApplicationError:
    """Run one attempt that must fail."""
    with pytest.raises(ApplicationError) as caught:
        await call(function, given, step, attempt=attempt)
    return caught.value


def undo_input(given: Any, output: Any = None, step: str = "step") -> dict[str, Any]:
    """What the undo action of a step receives; without an output its outcome is unknown."""
    outcome = "completed" if output is not None else "unknown"
    return {"step_id": step, "input": given, "output": output, "outcome": outcome, "idempotency_key": f"run:{step}"}
