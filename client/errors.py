"""What can go wrong on the caller's side; the errors of a run itself are in `advanced_workflow.workflows.errors`."""

from __future__ import annotations

from advanced_workflow.workflows.contract import RunResult
from advanced_workflow.workflows.errors import WorkflowError


class SettingsInvalid(WorkflowError):
    """An `ADW_` variable has a value that cannot be used; the sentence names the variable and what is allowed."""

    code = "SettingsInvalid"


class ConnectionFailed(WorkflowError):
    """The Temporal server or the namespace cannot be used."""

    code = "ConnectionFailed"


class ServerStartFailed(WorkflowError):
    """The development server did not start; the message ends with the last lines of its log."""

    code = "ServerStartFailed"


class WorkerStartRefused(WorkflowError):
    """The worker cannot start; the sentence says why."""

    code = "WorkerStartRefused"


class RunExists(WorkflowError):
    """A run of that id exists already."""

    code = "RunExists"


class RunNotFound(WorkflowError):
    """The namespace has no run of that id."""

    code = "RunNotFound"


class NotAnAdvancedWorkflow(WorkflowError):
    """The run exists, but it does not speak this project's contract."""

    code = "NotAnAdvancedWorkflow"


class RunClosed(WorkflowError):
    """The run has ended, so it takes no more signals, updates or cancels."""

    code = "RunClosed"


class NoAnswer(WorkflowError):
    """No worker answered in time. A signal, or an update sent again with the same `decision_id`, counts once.

    `may_count`: what was sent changes the run, and a worker may still take it.
    """

    code = "NoAnswer"

    def __init__(self, message: str, *, may_count: bool = False) -> None:
        """Keep whether it may count beside the sentence."""
        super().__init__(message)
        self.may_count = may_count


class RequestFailed(WorkflowError):
    """The server refused a request for a reason of its own."""

    code = "RequestFailed"


class RunFailed(WorkflowError):
    """A run ended without completing.

    `failure_type` is the code the run failed with (`WorkflowFailed`, `WorkflowTimeout`, `ApprovalRejected`,
    `RollbackIncomplete`, ...); `result` is the run's own report, or None where it could not leave one (terminated, or
    failed before it began).
    """

    code = "RunFailed"

    def __init__(
        self, message: str, *, failure_type: str, result: RunResult | None = None, reason: str | None = None
    ) -> None:
        """Keep the parts beside the sentence; `reason` is the sentence without the run's name."""
        super().__init__(message)
        self.reason = message if reason is None else reason
        self.failure_type = failure_type
        self.result = result


class RunCancelled(RunFailed):
    """A run was cancelled. Temporal keeps no report with that; the `state` query tells what was undone."""

    code = "RunCancelled"
