"""The worker: `python worker.py` or `adw-worker`. Wiring only.

Settings are `ADW_` variables (`advanced_workflow.client.settings`), the connection is Temporal's own configuration (`advanced_workflow.client.connection`).
Exit codes: 0 stopped as asked, 1 failed while running, 2 refused to start, 130 left at once on a second signal.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import Worker

from advanced_workflow.activities.builtin import HttpPolicy, HttpRequests
from advanced_workflow.activities.builtin.runs import cancel_run, watch_run
from advanced_workflow.activities.worker.interceptors import ActionInterceptor
from advanced_workflow.activities.worker.prepare import Preparation
from advanced_workflow.activities.worker.registry import ActionRegistry
from advanced_workflow.client.connection import connect
from advanced_workflow.client.exit_guard import INTERRUPTED, run_and_exit
from advanced_workflow.client.serve.definitions import load_definitions, require_valid
from advanced_workflow.client.serve.logs import configure_logs
from advanced_workflow.client.serve.packages import require_own_modules
from advanced_workflow.client.serve.search_attributes import can_use_search_attributes
from advanced_workflow.client.settings import Settings, load_settings
from advanced_workflow.client.storage import payload_limit
from advanced_workflow.client.telemetry.metrics import WaitingRuns, metrics_interceptors, metrics_runtime
from advanced_workflow.workflows.definition.text.load import LoadedDefinition, definition_sha256
from advanced_workflow.workflows.engine.run.workflow_types import WORKFLOWS
from advanced_workflow.workflows.engine.temporal.interceptor import EngineInterceptor
from advanced_workflow.workflows.engine.temporal.sandbox import sandbox_runner
from advanced_workflow.workflows.errors import WorkflowError

FAILED = 1
REFUSED = 2
# Temporal's defaults (30 and 60 s) would tell a long action of its cancellation only that late.
STICKY_TIMEOUT = timedelta(seconds=5)
"""How long a run's next task waits for the worker that has it cached, before any worker may take it."""
HEARTBEAT_EVERY = timedelta(seconds=1)
HEARTBEAT_AT_LEAST_EVERY = timedelta(seconds=2)


@dataclass(frozen=True)
class Serving:
    """What one worker process serves."""

    settings: Settings
    registry: ActionRegistry
    definitions: dict[str, LoadedDefinition]

    @property
    def queues(self) -> list[str]:
        """The main queue, then one for each capability."""
        return list(dict.fromkeys([self.settings.task_queue, *self.settings.capabilities]))

    def describe(self, client: Client) -> str:
        """The parts of the line that says what is served."""
        queues = ", ".join(self.queues)
        return (
            f"queue {queues}, {len(self.registry.actions)} actions, {len(self.definitions)} definitions, "
            f"namespace {client.namespace}, pid {os.getpid()}"
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; never returns."""
    run_and_exit(lambda: run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; what stops it from starting is one sentence on standard error."""
    options = _parser().parse_args(arguments)
    # A command of an installed package does not look here, but this is where people keep their first actions.
    sys.path.append(os.getcwd())
    try:
        settings = load_settings()
        configure_logs(settings.log_format, settings.log_level)
        serving = _load(settings)
        if options.list_actions:
            return _print_actions(serving, as_json=options.json)
        if options.list_definitions:
            return _print_definitions(serving, as_json=options.json)
        require_valid(serving.definitions, serving.registry.catalog())
        return asyncio.run(_serve(serving, check_only=options.check))
    except WorkflowError as error:
        print(f"adw-worker: {error}", file=sys.stderr)
        return REFUSED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="adw-worker", description="Serve runs and actions until told to stop.")
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--check", action="store_true", help="check that the worker can start, then leave")
    task.add_argument("--list-actions", action="store_true", help="list the actions served; needs no server")
    task.add_argument("--list-definitions", action="store_true", help="list the definitions served; needs no server")
    parser.add_argument("--json", action="store_true", help="print lists as JSON")
    return parser


def _load(settings: Settings) -> Serving:
    require_own_modules()
    return Serving(settings, ActionRegistry.discover(settings.actions), load_definitions(settings))


async def _serve(serving: Serving, *, check_only: bool) -> int:
    runtime = metrics_runtime(serving.settings)
    client = await connect(settings=serving.settings, runtime=runtime)
    search_attributes = await can_use_search_attributes(client, serving.settings.search_attributes)
    workers = build_workers(client, serving, search_attributes=search_attributes)
    if check_only:
        print(f"worker can start: {serving.describe(client)}")
        return 0
    counting = [asyncio.create_task(WaitingRuns(client, runtime).watch())] if runtime and search_attributes else []
    try:
        return await _run_until_stopped(workers, lambda: _say(f"worker ready: {serving.describe(client)}"))
    finally:
        for task in counting:
            task.cancel()


def build_workers(client: Client, serving: Serving, *, search_attributes: bool) -> list[Worker]:
    """One worker for the main queue with runs and actions, and one with actions only for each capability."""
    settings = serving.settings
    preparation = Preparation(
        serving.definitions,
        serving.registry.catalog(),
        search_attributes=search_attributes,
        continue_after=settings.continue_after,
        payload_limit=payload_limit(client),
    )
    http = HttpRequests(HttpPolicy(settings.http_allowed_hosts))
    actions = [*serving.registry.activities(payload_limit=payload_limit(client)), http.send]
    common: dict[str, Any] = {
        "interceptors": [*metrics_interceptors(settings), ActionInterceptor(), EngineInterceptor()],
        "max_concurrent_activities": settings.max_concurrent_activities,
        "graceful_shutdown_timeout": timedelta(seconds=settings.shutdown_timeout),
        "default_heartbeat_throttle_interval": HEARTBEAT_EVERY,
        "max_heartbeat_throttle_interval": HEARTBEAT_AT_LEAST_EVERY,
    }
    main_worker = Worker(
        client,
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        activities=[*actions, preparation.prepare, watch_run, cancel_run],
        workflow_runner=sandbox_runner(),
        max_concurrent_workflow_tasks=settings.max_concurrent_workflow_tasks,
        max_cached_workflows=settings.max_cached_workflows,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        # Any other exception would repeat the workflow task for ever.
        workflow_failure_exception_types=[WorkflowError],
        **common,
    )
    return [
        main_worker,
        *(Worker(client, task_queue=queue, activities=actions, **common) for queue in serving.queues[1:]),
    ]


async def _run_until_stopped(workers: Sequence[Worker], on_ready: Callable[[], None]) -> int:
    stop = _stop_on_signal()
    running = [asyncio.create_task(worker.run()) for worker in workers]
    stopping = asyncio.create_task(stop.wait())
    starting = asyncio.create_task(_all_running(workers))
    await asyncio.wait([*running, stopping, starting], return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        on_ready()
        await asyncio.wait([*running, stopping], return_when=asyncio.FIRST_COMPLETED)
    starting.cancel()
    stopping.cancel()
    await asyncio.gather(*(worker.shutdown() for worker in workers))
    failures = [end for end in await asyncio.gather(*running, return_exceptions=True) if end is not None]
    for failure in failures:
        print(f"adw-worker: stopped working: {' '.join(str(failure).split())}", file=sys.stderr)
    if not failures:
        _say("worker stopped")
    return FAILED if failures else 0


async def _all_running(workers: Sequence[Worker]) -> None:
    while not all(worker.is_running for worker in workers):  # noqa: ASYNC110 - the SDK gives no event for it
        await asyncio.sleep(0.01)


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(INTERRUPTED)
        _say("worker stopping: running actions may finish; a second signal leaves at once")
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop


def _print_actions(serving: Serving, *, as_json: bool) -> int:
    found = [asdict(info) for info in serving.registry.catalog().values()]
    lines = [f"{info['name']}  {info['description']}  ({info['source']})" for info in found]
    print(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(lines))
    return 0


def _print_definitions(serving: Serving, *, as_json: bool) -> int:
    found = [
        {
            "workflow_id": workflow_id,
            "name": loaded.workflow.name,
            "version": loaded.workflow.version,
            "description": loaded.workflow.description,
            "sha256": definition_sha256(loaded.workflow),
            "source": loaded.source,
        }
        for workflow_id, loaded in sorted(serving.definitions.items())
    ]
    lines = [f"{each['workflow_id']}  {each['version']}  {each['name']}  ({each['source']})" for each in found]
    print(json.dumps(found, ensure_ascii=False) if as_json else "\n".join(lines))
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
