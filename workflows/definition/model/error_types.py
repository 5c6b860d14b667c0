"""The error types that the platform makes: they work in `non_retryable` and in `error_handlers` beside those of the actions."""

from __future__ import annotations

from collections.abc import Mapping

TIMEOUT = "Timeout"
TOTAL_TIMEOUT = "TotalTimeout"
HEARTBEAT_TIMEOUT = "HeartbeatTimeout"
QUEUE_TIMEOUT = "QueueTimeout"
WORKER_LOST = "WorkerLost"

PLATFORM_TYPES: Mapping[str, str] = {
    TIMEOUT: "one attempt took longer than `timeout`",
    TOTAL_TIMEOUT: "all attempts together took longer than `total_timeout`; never tried again",
    HEARTBEAT_TIMEOUT: "no sign of life within `heartbeat_timeout`: the worker was lost, or hangs",
    QUEUE_TIMEOUT: "no worker took the step within `queue_timeout`; never tried again",
    WORKER_LOST: "the worker was stopped while the action ran",
    "Cancelled": "the step was cancelled; never tried again",
    "InputInvalid": "the mapped input does not fit the action, or `input_validation`; never tried again",
    "DataInvalid": "a value is not JSON, a result above all; never tried again",
    "PayloadTooLarge": "a value is larger than what can be sent; never tried again",
    "StorageFailed": "a large value could not be stored or read back",
    "ParallelFailed": "too few of the steps or copies of a `parallel` step succeeded",
    "LoopLimitExceeded": "a loop reached `loop_max_iterations`",
    "EventTimeout": "an awaited event did not come in time",
    "ApprovalRejected": "an approval was rejected",
    "ApprovalTimeout": "an approval's deadline passed",
    "CancelledByEvent": "the event of `cancel_on` came",
    "AgentLimitExceeded": "an agent used up its turns, tokens, money or calls",
    "GraphNotDeterministic": "a node of a graph that ran again asked for another call than before",
    "GraphLimitReached": "a state graph did not end within the rounds that it may take",
    "PlanInvalid": "the plan of an orchestrator's task cannot be run, however often its model was told why",
    "OutputInvalid": "an agent's answer does not fit its `output_schema`, however often it was asked",
    "AnswerWithheld": "a model's provider kept back what an agent would have answered",
    "RollbackIncomplete": "a `rollback` step could not undo everything",
}
"""Name and meaning."""
OTHER_NAMES: Mapping[str, str] = {
    "WorkerShutdown": WORKER_LOST,
    "TimeoutError": TIMEOUT,
    "StartToClose": TIMEOUT,
    "StartToCloseTimeout": TIMEOUT,
    "ScheduleToClose": TOTAL_TIMEOUT,
    "ScheduleToCloseTimeout": TOTAL_TIMEOUT,
    "ScheduleToStart": QUEUE_TIMEOUT,
    "ScheduleToStartTimeout": QUEUE_TIMEOUT,
    "Heartbeat": HEARTBEAT_TIMEOUT,
}
"""What Temporal and its SDKs call some of them."""
SERVER_NAMES: Mapping[str, str] = {
    TIMEOUT: "TemporalTimeout:StartToClose",
    HEARTBEAT_TIMEOUT: "TemporalTimeout:Heartbeat",
    WORKER_LOST: "WorkerShutdown",
}
"""What the server, which tries again, calls those that it would try again."""
