"""Log lines that say which run, step and attempt they belong to."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from textwrap import indent
from typing import Any, Literal, TextIO, cast

from temporalio import activity, workflow

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


def _time(record: logging.LogRecord) -> str:
    return rfc3339(datetime.fromtimestamp(record.created, UTC))


class JsonFormatter(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        """Build the line; values that are not JSON are written as text."""
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **log_context(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return visible_json(json.dumps(line, default=str, ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """For people: time, level, message, then the context."""

    def format(self, record: logging.LogRecord) -> str:
        """Build the line."""
        context = " ".join(f"{name}={visible(str(value))}" for name, value in log_context(record).items())
        line = f"{_time(record)} {record.levelname:<7} {visible(record.getMessage())}"
        line = f"{line}  [{context}]" if context else line
        if record.exc_info:
            # Indented, so that no line of it can be taken for another record.
            line = f"{line}\n{indent(visible_lines(self.formatException(record.exc_info)), '    ')}"
        return line
