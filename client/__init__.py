"""For callers: connect, start runs, decide approvals, watch.

client = await connect()
run = await start(client, "order-fulfilment", {"order_id": "A-1"})
await run.approve("approve_order")
result = await run.result()
"""

from __future__ import annotations

from client.connection import connect
from client.descriptions import Attempt, RunSummary, list_runs, waiting_for
from client.errors import ConnectionFailed, RunCancelled, RunExists, RunFailed, RunNotFound, SettingsInvalid
from client.reruns import Rerun, plan_rerun, start_rerun
from client.runs import Run, get_run, start, web_ui_url
from client.settings import Settings, load_settings
from workflows.contract import ExecutionOptions, RunResult, RunState

__all__ = [
    "Attempt",
    "ConnectionFailed",
    "ExecutionOptions",
    "Rerun",
    "Run",
    "RunCancelled",
    "RunExists",
    "RunFailed",
    "RunNotFound",
    "RunResult",
    "RunState",
    "RunSummary",
    "Settings",
    "SettingsInvalid",
    "connect",
    "get_run",
    "list_runs",
    "load_settings",
    "plan_rerun",
    "start",
    "start_rerun",
    "waiting_for",
    "web_ui_url",
]
