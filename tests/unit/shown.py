"""A run that runs, as commands print it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from advanced_workflow.client.service.description import Attempt, RunSummary
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import RunState, RunStatus, StepState

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW = BEGAN + timedelta(seconds=9)


def running(steps: Sequence[StepState], attempts: Mapping[str, Attempt] | None = None, **more: Any) -> Snapshot:
    """With these steps, attempts by their paths, and `more` of its state."""
    state = RunState(
        execution_id="e",
        workflow_id="test",
        version="1.0",
        definition_sha256="0",
        status=more.pop("status", RunStatus.RUNNING),
        start_time=BEGAN.isoformat(),
        steps=list(steps),
        **more,
    )
    summary = RunSummary("r1", "id", "test", "running", "queue", BEGAN, None, 9)
    return Snapshot(summary, dict(attempts or {}), {}, state, silent=False)
