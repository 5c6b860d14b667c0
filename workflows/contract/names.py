"""Names that callers, workers and histories share, and the limits that go with them."""

from __future__ import annotations

from collections.abc import Mapping

AD_HOC_WORKFLOW_TYPE = "AdvancedWorkflow"
"""The workflow type that takes its definition as an argument."""
ROLLBACK_WORKFLOW_TYPE = "AdvancedWorkflowRollback"
"""The workflow type with which release 0.1.0 tried failed undo actions again."""
UNDO_WORKFLOW_TYPE = "AdvancedWorkflowUndo"
"""The workflow type that undoes what an ended run left: a child whose parent rolls back, or any that an operator names."""

TAKEOVER_WORKFLOW_TYPE = "AdvancedWorkflowTakeover"
"""The workflow type that records which run has taken over the effects of another; it does nothing."""

DEFAULT_TASK_QUEUE = "advanced-workflow"

PREPARE_ACTIVITY = "adw.prepare"
"""Local activity that finds, checks and pins the definition; its result is the one marker a run adds to its history."""
WATCH_ACTIVITY = "adw.watch_run"
"""Built-in activity that looks up how a child run ended; takes a `WatchRun`, gives a `WatchedRun`."""
WHOSE_ACTIVITY = "adw.whose_run"
"""Built-in local activity that finds out whether a run is the child of a step; takes a `WhoseRun`."""
MEMO_STEP = "adw-step"
"""In the memo of a child's run: the idempotency key of the step it was started for."""
EFFECTS_ACTIVITY = "adw.read_effects"
"""Built-in activity that reads what an ended run left to be undone; takes a `ReadEffects`, gives `Effects`."""
TAKE_OVER_ACTIVITY = "adw.take_over"
"""Built-in activity that has the server record who owns a run's effects; takes a `TakeOver`."""
KEYS_ACTIVITY = "adw.decision_keys"
"""Built-in local activity that gives the public keys which decisions are signed with now, as `DecisionKeys`."""
FITS_ACTIVITY = "adw.fits"
"""Built-in local activity that checks a value by a JSON Schema, where that takes too long for a workflow task."""
CANCEL_ACTIVITY = "adw.cancel_run"
"""Built-in local activity that has its own run cancelled: one that was cancelled in an earlier history is to end as such."""
NEXT_TASK_ACTIVITY = "adw.next_task"
"""Built-in activity that does nothing: the run's workflow task ends with its start, and the next one begins with its end."""
WAKE_ACTIVITY = "adw.wake_run"
"""What `NEXT_TASK_ACTIVITY` does now did this local activity, in runs of former rules: it sends its own run `SIGNAL_WAKE`."""

SIGNAL_APPROVE = "approve_step"
SIGNAL_REJECT = "reject_step"
SIGNAL_EVENT = "event"
SIGNAL_WAKE = "wake"
"""Says nothing: a run that waits is given a workflow task, in which it may continue, or move to another build of the worker."""

UPDATE_DECIDE = "decide_step"
UPDATE_PAUSE = "pause"
UPDATE_RESUME = "resume"
UPDATE_RETRY = "retry_step"
UPDATE_SKIP = "skip_step"

QUERY_STATE = "state"
QUERY_PROGRESS = "progress"
QUERY_PENDING_APPROVALS = "pending_approvals"
QUERY_DEFINITION = "definition"
QUERY_EFFECTS = "effects"
QUERY_CHECKPOINT = "checkpoint"

SEARCH_ATTRIBUTE_WAITING_FOR = "AdwWaitingFor"
"""Keyword list: whom the run waits for (people, `group:NAME`, `operator`)."""
SEARCH_ATTRIBUTE_VERSION = "AdwVersion"
"""Keyword: the version of the definition that the run is pinned to; runs that began before 0.2.0 have none."""

HEADER_EXECUTION = "adw-execution"
"""The execution id, where it is not the run id the activity sees; part of the idempotency key."""
HEADER_KEY = "adw-idempotency-key"
"""The idempotency key as a JSON string, for actions in any language; on every activity."""
HEADER_RETRY = "adw-retry"
"""`RetryDelay` as JSON, where the delay must come from the worker (linear backoff, jitter)."""
HEADER_BREAKER = "adw-breaker"
"""`BreakerPolicy` as JSON, on activities whose retry policy has a circuit breaker."""
HEADER_LOCAL = "adw-local"
"""`LocalRoom` as JSON, on local activities: what their result may measure."""
RESULT_KEPT = "adw-kept"
"""In the metadata of a local activity's result: how many bytes that is which its worker kept instead of giving it."""

HTTP_ACTION = "adw.http_request"
"""Built-in action that sends the request of a `webhook` step; takes an `HttpRequest`, gives an `HttpResponse`."""

CIRCUIT_OPEN = "CircuitOpen"
"""Failure type of an attempt that a worker refused because the action's circuit breaker is open; details: `CircuitRefusal`."""

REFUSED_ENCODING = "adw/refused"
"""Encoding of a payload that stands for one which could not be what it pretended to be; its data is why, as the end of a sentence."""

MISSING_ENCODING = "adw/missing"
"""Encoding of a payload that stands for a stored value which is not there, or not for this worker; its data says which, and what to do."""

EFFECT_UNKNOWN: Mapping[str, str] = {"effect": "unknown"}
"""Details of an error that leaves open whether there was an effect."""

PAYLOAD_LIMIT_BYTES = 2 * 1024 * 1024 - 16 * 1024
"""Largest JSON value that goes to a step: Temporal's 2 MiB less room for its envelope."""

CONTINUE_AFTER_EVENTS = 4_000
"""With what is still in flight then, a history stays under 10,000 events."""
