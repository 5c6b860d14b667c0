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
    "ExpressionError": "an expression failed: a field is missing, or a value does not fit; never tried again",
    "ExpressionBudgetExceeded": "an expression took more than one evaluation may; never tried again",
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
    "ModelUnavailable": "a model's provider did not answer, or said that it is broken",
    "ModelRateLimited": "a model's provider was asked too often",
    "ModelAnswerInvalid": "what a model's provider sent is no whole answer",
    "ModelQuotaExceeded": "the account at a model's provider has no quota left; never tried again",
    "ContextTooLong": "a conversation does not fit into its model; never tried again",
    "ModelAccessDenied": "the key for a model is missing, wrong, or not for it; never tried again",
    "ModelUnknown": "there is no such model, or no such provider; never tried again",
    "ModelRequestRefused": "a model's provider, or the worker, does not take the request; never tried again",
    "ModelNotInstalled": "the worker has not the packages that a model needs; never tried again",
    "ConversationUnavailable": "a run did not answer a worker's question for an agent's conversation",
    "ConversationMismatch": "what a run answered of a conversation is not what its digest says; never tried again",
    "McpServerUnavailable": "an MCP server cannot be reached, or does not take requests now",
    "McpCallInterrupted": "no answer came to a call that was sent to an MCP server",
    "McpToolFailed": "an MCP tool says that it failed; never tried again",
    "McpToolGone": "an MCP server has no such tool any more; never tried again",
    "McpCallRefused": "an MCP server does not take the call; never tried again",
    "McpAccessDenied": "an MCP server does not accept the secret, or the worker has none; never tried again",
    "UnknownMcpServer": "the worker's settings name no such MCP server; never tried again",
    "McpNotInstalled": "the worker has not the package that MCP needs; never tried again",
    "McpToolsInvalid": "what an MCP server offers cannot be given to an agent; the run does not begin",
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
