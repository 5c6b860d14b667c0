"""Log lines that say which run, step and attempt they belong to."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from textwrap import indent
from typing import Any, Literal, TextIO, cast

from temporalio import activity, workflow

from advanced_workflow.activities.worker.failures import parts_of
from advanced_workflow.activities.worker.unforeseen import is_expected, trace_of
from advanced_workflow.workflows.plain.rfc3339 import rfc3339
from advanced_workflow.workflows.plain.text import visible, visible_json, visible_lines

CONTEXT_NAMES = {
    "temporal_workflow": {"workflow_id": "workflow_id", "run_id": "run_id", "workflow_type": "workflow_type"},
    "temporal_activity": {
        "workflow_id": "workflow_id",
        "workflow_run_id": "run_id",
        "workflow_type": "workflow_type",
        "activity_id": "step",
        "activity_type": "action",
        "attempt": "attempt",
        "task_queue": "task_queue",
    },
}
"""Attribute the SDK's loggers put on a record -> its name -> name in the log line. An activity's id is the step's path."""
EXTRA_NAMES = {
    "workflow_id": "workflow_id",
    "run_id": "run_id",
    "execution_id": "execution_id",
    "step_path": "step",
    "step": "step",
    "action": "action",
    "attempt": "attempt",
    "task_queue": "task_queue",
}
"""Name that `extra=` may carry directly -> name in the log line."""


FAILURE = "__temporal_error_identifier"
"""Attribute by which the SDK says what a record with an error is about."""
FAILED_ACTIVITY = "ActivityFailure"
CORE = logging.getLogger("temporalio.core")
"""Where the SDK's native part logs."""


def configure_logs(format: Literal["text", "json"] = "text", level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logs to `stream` (standard error by default); calling again replaces what was set."""
    # The fields below carry it; the SDK would repeat it as a dictionary inside the message.
    workflow.logger.workflow_info_on_message = False
    activity.logger.activity_info_on_message = False
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if format == "json" else TextFormatter())
    logging.basicConfig(handlers=[handler], level=level, force=True)


def log_context(record: logging.LogRecord) -> dict[str, Any]:
    """What a record says about run, step and attempt, under the names of the log line."""
    found: dict[str, Any] = {}
    for attribute, names in CONTEXT_NAMES.items():
        carried: object = getattr(record, attribute, None)
        if isinstance(carried, Mapping):
            values = cast("Mapping[str, Any]", carried)
            found.update({ours: values[theirs] for theirs, ours in names.items() if theirs in values})
    for theirs, ours in EXTRA_NAMES.items():
        if hasattr(record, theirs):
            found[ours] = getattr(record, theirs)
    return found


def core_fields(record: logging.LogRecord) -> Mapping[str, Any] | None:
    """What a record of the SDK's native part carries beside its message."""
    log: Any = getattr(record, "temporal_log", None)
    return None if log is None else cast("Mapping[str, Any]", log.fields)


def _time(record: logging.LogRecord) -> str:
    return rfc3339(datetime.fromtimestamp(record.created, UTC))


def told(record: logging.LogRecord) -> tuple[str, str | None]:
    """A record's message, and the stack trace that belongs to it.

    A failed attempt of an action is one sentence; the trace of a fault in its code begins with its code.
    """
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return record.getMessage(), None
    if getattr(record, FAILURE, None) != FAILED_ACTIVITY:
        return record.getMessage(), logging.Formatter().formatException(record.exc_info)  # pyright: ignore[reportArgumentType] - it holds an error
    context = log_context(record)
    sentence = f"attempt {context.get('attempt', 1)} of {context.get('action', 'an action')} failed: {_named(error)}"
    if not is_expected(error):
        return sentence, "".join(trace_of(error)).rstrip("\n")
    return (sentence if error.__cause__ is None else f"{sentence} (because of {_named(error.__cause__)})"), None


def _named(error: BaseException) -> str:
    if not isinstance(error, Exception):
        return type(error).__name__
    text, kind, _ = parts_of(error)
    return f"{kind or type(error).__name__}: {text}"


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Build the line; values that are not JSON are written as text."""
        message, trace = told(record)
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": message,
            **log_context(record),
        }
        if (fields := core_fields(record)) is not None:
            line["fields"] = fields
        if trace is not None:
            line["exception"] = trace
        return visible_json(json.dumps(line, default=str, ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """For people: time, level, message, then the context."""

    def format(self, record: logging.LogRecord) -> str:
        """Build the line."""
        message, trace = told(record)
        shown = {**log_context(record), **(core_fields(record) or {})}
        context = " ".join(f"{name}={visible(str(value))}" for name, value in shown.items())
        line = f"{_time(record)} {record.levelname:<7} {visible(message)}"
        line = f"{line}  [{context}]" if context else line
        if trace is not None:
            # Indented, so that no line of it can be taken for another record.
            line = f"{line}\n{indent(visible_lines(trace), '    ')}"
        return line
