"""What a run tells about itself: its records, its result, and the answers to queries."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue, field_validator

from advanced_workflow.workflows.contract.wire import WireModel
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from advanced_workflow.workflows.plain.described import as_json
from advanced_workflow.workflows.plain.text import for_people


class RunStatus(StrEnum):
    """Where a run is."""

    RUNNING = "running"
    PAUSED = "paused"
    ROLLING_BACK = "rolling_back"
    COMPLETED = "completed"
    FAILED = "failed"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"


class SkipReason(StrEnum):
    """Why a step was skipped."""

    DEPENDENCY_FAILED = "dependency_failed"
    NOT_ROUTED = "not_routed"
    CONDITION_FALSE = "condition_false"
    BY_OPERATOR = "skipped_by_operator"
    NOT_NEEDED = "not_needed"
    """A join with `cancel_rest`, or `complete_when`, was satisfied without it; or what is around it has failed."""
    CANCELLED = "cancelled_by_event"
    """The event of `cancel_on` came, here or around it."""


LONGEST_ERROR_TYPE = 200
"""Characters."""


class ErrorInfo(WireModel):
    """A failure as data; whatever it was made of, it can be kept and sent.

    What an action or a client says comes in any length and with any characters: texts are cut, halves of characters replaced, and
    details that are not JSON described.
    """

    type: str
    message: str
    step_id: str | None = None
    path: str | None = None
    details: JsonValue = None

    @field_validator("type", mode="before")
    @classmethod
    def _short_type(cls, value: object) -> object:
        return for_people(value, LONGEST_ERROR_TYPE) if isinstance(value, str) else value

    @field_validator("message", mode="before")
    @classmethod
    def _short_message(cls, value: object) -> object:
        return for_people(value) if isinstance(value, str) else value

    @field_validator("details", mode="before")
    @classmethod
    def _json_details(cls, value: object) -> object:
        return as_json(value)


FAILED_COPIES = "failed_copies"
"""Where the first copies of a fan-out that failed stand in its `execution_data`: `index`, `step_id`, `error`."""


class StepState(WireModel):
    """One step's record, under the older vocabulary's names."""

    path: str
    """Where the step is in the run; also its activity id."""
    step_id: str
    name: str
    step_type: StepType
    status: StepStatus
    start_time: str | None = None
    """UTC, RFC 3339."""
    end_time: str | None = None
    execution_data: dict[str, JsonValue] = Field(default_factory=dict)
    """`output`, and what the step type adds (`routed`, `decisions`, ...)."""
    error_info: ErrorInfo | None = None
    retry_count: int = 0
    """Times an operator ran the step again; attempts of the pending activity are in Temporal's own description of the run."""
    recovered: bool = False
    """The step failed and its error handlers completed."""
    skip_reason: SkipReason | None = None
    waiting_for: str | None = None
    """One sentence, for a step that waits."""


class UndoOutcome(StrEnum):
    """What became of one undo action."""

    UNDONE = "undone"
    FAILED = "failed"
    NOT_NEEDED = "not_needed"
    PENDING = "pending"
    KEPT = "kept"
    """It was not called: the failure is tolerated, and the definition keeps what was done (`tolerated_failure`)."""


class UndoEntry(WireModel):
    """One undo action of the rollback report."""

    path: str
    step_id: str
    action: str
    activity_id: str
    outcome: UndoOutcome
    step_outcome: Literal["completed", "unknown", "failed"]
    """How the step itself ended; `failed` steps need no undo."""
    idempotency_key: str
    error: ErrorInfo | None = None
    run: str | None = None
    """The run it belongs to, where that is a child of this one."""


TOLERATED = "tolerated failure"
"""Reason of the report of a run that did not go back, and undid or kept what failures left that it went on after."""


class RollbackReport(WireModel):
    """What rollback did. `complete` is false when an undo failed."""

    reason: str
    """Type of the run's failure, `rollback step`, or `tolerated failure`."""
    complete: bool
    entries: list[UndoEntry] = Field(default_factory=list)
    """Of very many entries only the first thousand, and the first thousand that failed."""
    entries_left_out: int = 0
    undone: int = 0
    failed: int = 0


class SlaResult(WireModel):
    """One SLA target against what was measured."""

    target: float
    actual: float
    met: bool


class RunResult(WireModel):
    """The result of a completed run, and the details of a failed one's error."""

    execution_id: str
    workflow_id: str
    version: str
    definition_sha256: str
    status: RunStatus
    result: JsonValue = None
    error: ErrorInfo | None = None
    steps: dict[str, dict[str, JsonValue]] = Field(default_factory=dict)
    """Path -> status, times, and error or skip reason."""
    steps_left_out: int = 0
    """Steps not listed because the list would be too long (the `state` query has them)."""
    rollback: RollbackReport | None = None
    start_time: str
    end_time: str
    duration_seconds: float
    sla: dict[str, SlaResult] = Field(default_factory=dict)
    shortened: list[str] = Field(default_factory=list[str])
    """What was cut or left out because the whole would be too large to send, in the order it was done."""
    undo: JsonValue = None
    """What a parent run needs to undo this one later; null unless it asked for it and there is something to undo."""
