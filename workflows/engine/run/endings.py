"""Why the steps of a run ended before their time, and what a run ends with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from advanced_workflow.workflows.contract import ErrorInfo, Json, RunStatus
from advanced_workflow.workflows.engine.step.failures import CANCELLED, StepFailure
from advanced_workflow.workflows.errors import Deadlock, RollbackIncomplete, WorkflowError, WorkflowFailed


@dataclass(frozen=True, slots=True)
class Ending:
    """Why the steps ended before their time."""

    error: ErrorInfo
    code: str = WorkflowFailed.code
    """The run's failure type, unless something cannot be undone."""
    status: RunStatus = RunStatus.FAILED

    def dump(self) -> dict[str, Json]:
        """As plain data."""
        return {"error": self.error.model_dump(mode="json"), "code": self.code, "status": self.status.value}

    @staticmethod
    def load(data: Mapping[str, Json]) -> Ending:
        """The ending of `dump`."""
        return Ending(ErrorInfo.model_validate(data["error"]), data["code"], RunStatus(data["status"]))


BY_CANCEL = Ending(ErrorInfo(type=CANCELLED, message="the run was cancelled."), CANCELLED, RunStatus.CANCELLED)
BY_PARENT = Ending(
    ErrorInfo(type="ParentRolledBack", message="the run it is part of is rolling back."), status=RunStatus.ROLLING_BACK
)


def rolled_back(execution_id: str) -> Ending:
    """The ending that a run of its own begins with which undoes what an ended run left."""
    message = f"what run {execution_id!r} left is being undone."
    return Ending(ErrorInfo(type="RolledBack", message=message), RollbackIncomplete.code, RunStatus.ROLLING_BACK)


def by_error(error: WorkflowError, *, status: RunStatus = RunStatus.FAILED) -> Ending:
    """The ending by an error that is the run's own failure type."""
    return Ending(ErrorInfo(type=error.code, message=str(error)), error.code, status)


def ending_of(steps: asyncio.Future[Any]) -> Ending | None:
    """How the steps failed; None when they did not. An engine error is raised: it fails the task, not the run."""
    error = steps.exception()
    if isinstance(error, StepFailure):
        return Ending(error.error, error.run_code)
    if isinstance(error, Deadlock):
        return by_error(error)
    if isinstance(error, WorkflowError):
        return Ending(ErrorInfo(type=error.code, message=str(error)))
    if error is not None:
        raise error
    return None


class RunContinues(Exception):
    """The run continues in a new history; carries what it takes along."""

    def __init__(self, carried: dict[str, Json]) -> None:
        """Keep it."""
        super().__init__()
        self.carried = carried


class RunCancelled(Exception):
    """The run was cancelled and everything was undone."""


class RunFails(Exception):
    """The run failed: Temporal failure type, sentence, and the result object as details."""

    def __init__(self, code: str, message: str, details: dict[str, Json]) -> None:
        """Keep the parts."""
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details
