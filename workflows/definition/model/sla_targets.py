"""The targets of a service level that are known."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue

from advanced_workflow.workflows.plain.durations import duration_seconds

TIMES: Final = ("max_execution_time", "max_step_time")
SHARES: Final = ("min_success_rate",)


def in_seconds(targets: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The same with durations that are written as text in seconds; what is none is left for `check`."""
    read: dict[str, JsonValue] = {}
    for name in TIMES:
        value = targets.get(name)
        if isinstance(value, str):
            try:
                seconds = duration_seconds(value)
            except ValueError:
                continue
            read[name] = int(seconds) if seconds.is_integer() else seconds
    return {**targets, **read}
