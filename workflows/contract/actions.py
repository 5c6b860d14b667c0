"""What goes to activities and comes back from them, beside an action's own input and output."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, JsonValue

from advanced_workflow.workflows.contract.names import PAYLOAD_LIMIT_BYTES
from advanced_workflow.workflows.contract.wire import WireModel


class UndoAgain(WireModel):
    """One undo action to try again, as its run had scheduled it. Durations are in seconds."""

    path: str
    step_id: str
    action: str
    activity_id: str
    idempotency_key: str
    execution_id: str | None = None
    """Of the run it belongs to, where that is a child of the one that is named."""
    run: str | None = None
    """That child's id."""
    step_outcome: Literal["completed", "unknown", "failed"]
    payload: JsonValue = None
    task_queue: str
    timeout: float
    total_timeout: float
    heartbeat_timeout: float | None = None


class RollbackAgain(WireModel):
    """The one argument of workflow type `AdvancedWorkflowRollback`."""

    execution_id: str
    """Of the run whose rollback is taken up again; its idempotency keys stay."""
    run: str
    """That run's id, for people."""
    payload_limit: int = PAYLOAD_LIMIT_BYTES
    """As in `Prepared`."""
    entries: list[UndoAgain]
    """In the order they are tried: newest effect first."""


class BreakerPolicy(WireModel):
    """When a worker stops calling an action."""

    failure_threshold: int
    """Failures in a row that open the breaker."""
    timeout: float
    """Seconds it stays open before one probe."""
    key: str = ""
    """What has the breaker, where it is not the action: a model, for instance."""


class CircuitRefusal(WireModel):
    """Details of the failure `CircuitOpen`: the action was not called."""

    retry_after: float
    """Seconds until the breaker lets a probe through."""
    attempts_used: int
    """Attempts of this activity that did call the action."""


class LocalRoom(WireModel):
    """What a local activity may give: its result is sent with the workflow task in which it ends, however large."""

    room: int
    """Bytes for which there is room now; the worker keeps a larger result until it is asked for again."""
    limit: int
    """Bytes of the largest JSON value."""
    again: bool = False
    """Whether the worker was called before and kept the result."""


class AttemptsNote(WireModel):
    """Last of the details of an activity's failure, written by the worker: what is known of its attempts."""

    adw_attempts: int
    """How many were made, this one included."""
    adw_all_failed: bool
    """Whether each of them said itself that it failed."""


class WatchRun(WireModel):
    """Which run to look at."""

    workflow_id: str
    undoes: bool = False
    """It has the id of one that undoes: a stranger's is passed over, and one that never began."""


class WhoseRun(WireModel):
    """Which run to look at, and the idempotency key of the step that asks."""

    workflow_id: str
    step: str


class WatchedRun(WireModel):
    """How a run ended: completed with its result, failed by itself, or ended by somebody else."""

    status: Literal["completed", "failed", "ended"]
    passed_over: bool = False
    """It has the id of a run that undoes, and is none."""
    run_id: str = ""
    """Of its first history."""
    result: dict[str, JsonValue] | None = None
    type: str = ""
    """Failure type."""
    message: str = ""
    details: JsonValue = None


class HttpRequest(WireModel):
    """Input of the built-in action of `webhook` steps."""

    url: str
    method: str
    headers: dict[str, str] = Field(default_factory=dict)
    body: JsonValue = None
    """Sent as JSON unless null."""
    tool: str | None = None
    """Of a call that an agent, orchestrator or graph makes: what makes it and the tool's name, `look.tell`, which no step can be called."""


class HttpResponse(WireModel):
    """What the built-in action gives."""

    status: int
    headers: dict[str, str] = Field(default_factory=dict)
    """Names in lower case."""
    body: JsonValue = None
    """Parsed where it is JSON, else the text."""


class UndoInput(WireModel):
    """What an undo action receives unless `rollback_mapping` says otherwise."""

    step_id: str
    input: Any = None
    """What the step's action received."""
    output: Any = None
    """What it returned; null when the outcome is unknown."""
    outcome: Literal["completed", "unknown"]
    idempotency_key: str
    """The key the step's action was called with."""
