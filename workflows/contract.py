"""The wire: names and shapes that callers, workers and histories share.

Everything is plain JSON, so any Temporal client in any language can start a run, decide an approval and read the state.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from workflows.definition.models import AdvancedWorkflow, StepStatus, StepType

Json: TypeAlias = Any
"""Any JSON value, where naming its shape would say nothing."""

AD_HOC_WORKFLOW_TYPE = "AdvancedWorkflow"
"""The workflow type that takes its definition as an argument."""
ROLLBACK_WORKFLOW_TYPE = "AdvancedWorkflowRollback"
"""The workflow type that tries failed undo actions of a closed run again."""
UNDO_WORKFLOW_TYPE = "AdvancedWorkflowUndo"
"""The workflow type that undoes a completed child run because its parent rolls back."""
DEFAULT_TASK_QUEUE = "advanced-workflow"

PREPARE_ACTIVITY = "adw.prepare"
"""Local activity that finds, checks and pins the definition; its result is the one marker a run adds to its history."""

WATCH_ACTIVITY = "adw.watch_run"
"""Built-in activity that looks up how a child run ended; takes a `WatchRun`, gives a `WatchedRun`."""

CANCEL_ACTIVITY = "adw.cancel_run"
"""Built-in local activity that has its own run cancelled: one that was cancelled in an earlier history is to end as such."""

SIGNAL_APPROVE = "approve_step"
SIGNAL_REJECT = "reject_step"
SIGNAL_EVENT = "event"

UPDATE_DECIDE = "decide_step"
UPDATE_PAUSE = "pause"
UPDATE_RESUME = "resume"
UPDATE_RETRY = "retry_step"
UPDATE_SKIP = "skip_step"

QUERY_STATE = "state"
QUERY_PROGRESS = "progress"
QUERY_PENDING_APPROVALS = "pending_approvals"
QUERY_DEFINITION = "definition"
QUERY_CHECKPOINT = "checkpoint"

SEARCH_ATTRIBUTE_WAITING_FOR = "AdwWaitingFor"
"""Keyword list: whom the run waits for (people, `group:NAME`, `operator`)."""

HEADER_EXECUTION = "adw-execution"
"""The execution id, where it is not the run id the activity sees; part of the idempotency key."""
HEADER_RETRY = "adw-retry"
"""`RetryDelay` as JSON, where the delay must come from the worker (linear backoff, jitter)."""

HEADER_BREAKER = "adw-breaker"
"""`BreakerPolicy` as JSON, on activities whose retry policy has a circuit breaker."""

HTTP_ACTION = "adw.http_request"
"""Built-in action that sends the request of a `webhook` step; takes an `HttpRequest`, gives an `HttpResponse`."""
CIRCUIT_OPEN = "CircuitOpen"
"""Failure type of an attempt that a worker refused because the action's circuit breaker is open; details: `CircuitRefusal`."""

PAYLOAD_LIMIT_BYTES = 2 * 1024 * 1024 - 16 * 1024
"""Largest JSON value that goes to a step: Temporal's 2 MiB less room for its envelope."""


CONTINUE_AFTER_EVENTS = 4_000
"""With what is still in flight then, a history stays under 10,000 events."""


class WireModel(BaseModel):
    """Base of everything that crosses the wire."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class RerunOf(WireModel):
    """What a run takes over from the one it repeats; `adw rerun` builds it from that run's `checkpoint`."""

    run: str
    """Id of the run that is repeated."""
    run_id: str
    """Temporal's id of that execution."""
    from_step: str | None = None
    """The step from which on everything runs again, where one was named."""
    definition: dict[str, JsonValue]
    """What is run: the definition that run was pinned to, or a corrected one."""
    records: list[dict[str, JsonValue]] = Field(default_factory=list[dict[str, JsonValue]])
    """Step records that are kept."""
    undo: JsonValue = None
    """What may have to be undone of the kept steps."""
    variables: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """The `workflow` variables to begin with."""


class Checkpoint(WireModel):
    """Answer of the `checkpoint` query: what another run could keep of this one."""

    execution_id: str
    definition: dict[str, JsonValue]
    input_data: JsonValue = None
    options: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    variables: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    steps: dict[str, KeptStep] = Field(default_factory=dict[str, "KeptStep"])
    """The completed steps of the definition's own graph, by id."""


class KeptStep(WireModel):
    """A completed step with all that ran inside of it."""

    records: list[dict[str, JsonValue]]
    undo: JsonValue = None
    """What may have to be undone of it."""
    output: JsonValue = None
    ended: str = ""
    """When it ended; UTC, RFC 3339."""
    undone: bool = False
    """Its effects were undone, so that its result must not be kept."""


class ExecutionOptions(WireModel):
    """What a caller may say about one run."""

    started_by: str | None = None
    """Who starts the run; may not approve it unless the approval allows it."""
    groups: dict[str, list[str]] = Field(default_factory=dict)
    """Members of approver groups, for groups that the definition does not list."""
    version: str | None = None
    """The version the registered definition must have; any when empty."""
    rerun: RerunOf | None = None
    """The run this one repeats, and what it keeps of it."""
    hand_over_undo: bool = False
    """The result carries what is needed to undo the run later (set by a parent run for its children)."""


class RunRequest(WireModel):
    """The one argument of workflow type `AdvancedWorkflow`."""

    workflow: dict[str, JsonValue]
    input_data: Json = None
    """Not walked by the model: it may be large, and a workflow task has two seconds."""
    execution_options: dict[str, JsonValue] = Field(default_factory=dict)
    carried: Json = None
    """What a run that continues as new takes along."""


class PrepareRequest(WireModel):
    """Argument of the prepare activity: a registered type's name, or the definition itself."""

    workflow_type: str
    workflow: dict[str, JsonValue] | None = None
    input_data: Json = None
    execution_options: JsonValue = None


class Prepared(WireModel):
    """What the prepare activity pins in the history.

    `definition` is left out where the history already holds it (ad-hoc runs carry it in their arguments).
    """

    sha256: str
    definition: dict[str, JsonValue] | None = None
    search_attributes: bool = False
    """Whether the namespace knows the project's search attributes."""
    continue_after: int = CONTINUE_AFTER_EVENTS
    """Events of history after which the run continues as new."""
    payload_limit: int = PAYLOAD_LIMIT_BYTES
    """Largest JSON value in bytes that goes to a step; larger than Temporal's own where external storage is configured."""


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
    """A join with `cancel_rest`, or `complete_when`, was satisfied without it."""
    CANCELLED = "cancelled_by_event"
    """The event of `cancel_on` came, here or around it."""


class ErrorInfo(WireModel):
    """A failure as data."""

    type: str
    message: str
    step_id: str | None = None
    path: str | None = None
    details: JsonValue = None


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


class RollbackReport(WireModel):
    """What rollback did. `complete` is false when an undo failed."""

    reason: str
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
    undo: JsonValue = None
    """What a parent run needs to undo this one later; null unless it asked for it and there is something to undo."""


class Decision(WireModel):
    """Payload of `approve_step` and `reject_step`."""

    step_id: str
    """The step's id, or its path where the id runs more than once."""
    approver: str
    """Who decides."""
    comment: str | None = None
    form: JsonValue = None
    """The answer, checked against the approval's `form`."""
    digest: str | None = None
    """The digest the approver saw; another one is refused."""
    decision_id: str | None = None
    """Makes sending twice count once."""
    groups: list[str] = Field(default_factory=list)
    """Groups the approver claims to be in (closed groups check against their list)."""


class DecideRequest(Decision):
    """Argument of the update `decide_step`."""

    decision: Literal["approve", "reject"]


class DecisionReceipt(WireModel):
    """Answer of `decide_step`."""

    step_id: str
    state: Literal["early", "counted", "duplicate", "decided"]
    """`early`: kept until the step is reached; `counted`: more approvals needed; `decided`: it settled the step."""
    approvals: int = 0
    required: int = 0


class RecordedDecision(WireModel):
    """A decision as kept in the run."""

    decision: Literal["approve", "reject"]
    approver: str
    time: str
    comment: str | None = None
    form: JsonValue = None
    decision_id: str | None = None
    groups: list[str] = Field(default_factory=list)
    digest: str | None = None


class RejectedDecision(WireModel):
    """A decision that did not count, and why."""

    time: str
    code: str
    message: str
    payload: JsonValue = None


class PendingApproval(WireModel):
    """One approval the run waits for."""

    step_id: str
    path: str
    name: str
    prompt: str
    subject: JsonValue = None
    approvers: list[str] = Field(default_factory=list)
    required: int
    approvals: list[RecordedDecision] = Field(default_factory=list)
    digest: str
    requested_at: str
    deadline: str | None = None
    on_timeout: str
    form: dict[str, JsonValue] = Field(default_factory=dict)


class EventMessage(WireModel):
    """Payload of the `event` signal."""

    event: str
    """Name of the event."""
    data: JsonValue = None
    event_id: str | None = None
    """Makes sending twice count once."""


class OperatorRequest(WireModel):
    """Argument of `pause` and `resume`."""

    by: str
    """Who."""
    reason: str
    """Why."""


class StepRequest(OperatorRequest):
    """Argument of `retry_step` and `skip_step`."""

    step_id: str
    """The step's id or path."""


class AuditEntry(WireModel):
    """One operator's act."""

    time: str
    operation: str
    by: str
    reason: str
    step_id: str | None = None


class StateRequest(WireModel):
    """Optional argument of the `state` query."""

    step_id: str | None = None
    """Only this step (id or path)."""
    include_data: bool = True
    """Whether outputs are included."""


class RunState(WireModel):
    """Answer of the `state` query."""

    execution_id: str
    workflow_id: str
    version: str
    definition_sha256: str
    status: RunStatus
    rerun_of: str | None = None
    """The run that this one repeats."""
    start_time: str
    deadline: str | None = None
    steps: list[StepState] = Field(default_factory=list)
    """In the order of the definition, then of starting."""
    data_left_out: bool = False
    """Outputs were left out because the answer would be too large; ask for one step."""
    workflow: dict[str, JsonValue] = Field(default_factory=dict)
    """The variables."""
    error: ErrorInfo | None = None
    rollback: RollbackReport | None = None
    rejected_decisions: list[RejectedDecision] = Field(default_factory=list)
    unconsumed_events: list[EventMessage] = Field(default_factory=list)
    audit: list[AuditEntry] = Field(default_factory=list)
    circuit_breakers: list[BreakerState] = Field(default_factory=list)
    """Breakers that kept a step of this run from calling its action."""


class Progress(WireModel):
    """Answer of the `progress` query: counts, cheap at any size."""

    status: RunStatus
    total: int
    pending: int = 0
    running: int = 0
    waiting: int = 0
    completed: int = 0
    failed: int = 0
    skipped: int = 0
    waiting_for: list[str] = Field(default_factory=list)
    """One sentence for each step that waits."""


class DefinitionAnswer(WireModel):
    """Answer of the `definition` query: what this run was pinned to."""

    sha256: str
    definition: AdvancedWorkflow


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


class RetryDelay(WireModel):
    """How a Python worker computes the next retry delay (seconds)."""

    strategy: Literal["exponential", "linear", "fixed"]
    delay: float
    multiplier: float
    max_delay: float
    jitter: float = 0


class BreakerPolicy(WireModel):
    """When a worker stops calling an action."""

    failure_threshold: int
    """Failures in a row that open the breaker."""
    timeout: float
    """Seconds it stays open before one probe."""


class CircuitRefusal(WireModel):
    """Details of the failure `CircuitOpen`: the action was not called."""

    retry_after: float
    """Seconds until the breaker lets a probe through."""
    attempts_used: int
    """Attempts of this activity that did call the action."""


class BreakerState(WireModel):
    """One circuit breaker as a run met it."""

    action: str
    state: Literal["open", "half_open", "closed"]
    until: str | None = None
    """When an open one lets a probe through."""


class WatchRun(WireModel):
    """Which run to look at."""

    workflow_id: str


class WatchedRun(WireModel):
    """How a run ended: completed with its result, failed by itself, or ended by somebody else."""

    status: Literal["completed", "failed", "ended"]
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
