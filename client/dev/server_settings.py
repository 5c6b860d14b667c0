"""What the development server is set to, beyond its own defaults, and why.

Temporal's defaults spare a cluster with many shards; the development server has one shard, so that all its runs share each limit.
"""

from __future__ import annotations

from collections.abc import Mapping

PROMPT: Mapping[str, str] = {
    # How often a second the server may look for new work in a queue of a shard. By default 20: each step then takes 50 ms,
    # whatever it does. Transfer brings workflow tasks and activities, timer brings timers, retries and deadlines, visibility
    # brings what `adw list` shows.
    "history.transferProcessorMaxPollRPS": "1000",
    "history.timerProcessorMaxPollRPS": "1000",
    "history.visibilityProcessorMaxPollRPS": "1000",
    # How late a timer may fire, so that several are read together. By default up to a second.
    "history.timerProcessorMaxTimeShift": '"10ms"',
    # How soon after its start an id may be used again, also by a run that continues as new. By default a second.
    "history.workflowIdReuseMinimalInterval": '"0s"',
}
"""Dynamic configuration: setting -> JSON value."""
FILE: Mapping[str, str] = {
    # Without write-ahead logging every task waits about 30 ms for the file.
    "journal_mode": "WAL",
    # With it, a crash of the machine may lose the last moment; a crash of the server loses nothing.
    "synchronous": "NORMAL",
}
"""SQLite pragmas, for a server that keeps its runs on a file."""


def dynamic_config(values: Mapping[str, str]) -> list[str]:
    """The server's arguments that set these values."""
    return [word for name, value in values.items() for word in ("--dynamic-config-value", f"{name}={value}")]


def pragmas(values: Mapping[str, str]) -> list[str]:
    """The server's arguments that set these pragmas."""
    return [word for name, value in values.items() for word in ("--sqlite-pragma", f"{name}={value}")]
