"""The command `adw-worker`, which is also `python worker.py`.

Settings are `ADW_` variables (`advanced_workflow.client.settings`), the connection is Temporal's own configuration (`advanced_workflow.client.connection`).
Exit codes: 0 stopped as asked, 1 failed while running, 2 refused to start, 130 left at once on a second signal.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import sys
from collections.abc import Sequence

from advanced_workflow.client.connection import connect
from advanced_workflow.client.current_folder import look_in_current_folder
from advanced_workflow.client.process_exit import run_and_exit
from advanced_workflow.client.serve.definitions import require_valid
from advanced_workflow.client.serve.deployment import older_runs
from advanced_workflow.client.serve.health import STOPPING, Health, served_health
from advanced_workflow.client.serve.listing import print_actions, print_definitions
from advanced_workflow.client.serve.logs import CORE, configure_logs
from advanced_workflow.client.serve.one_format import complain, write_only_json
from advanced_workflow.client.serve.search_attributes import known_search_attributes
from advanced_workflow.client.serve.secrets import tell_idle_secrets
from advanced_workflow.client.serve.serving import Serving
from advanced_workflow.client.serve.stopping import run_until_stopped
from advanced_workflow.client.serve.workers import build_workers, close
from advanced_workflow.client.settings import ENVIRONMENT_PREFIX, Settings, load_settings
from advanced_workflow.client.telemetry.known_labels import KnownLabels
from advanced_workflow.client.telemetry.metrics import CountedRuns, has_metrics, worker_runtime
from advanced_workflow.client.unknown_settings import unknown_settings
from advanced_workflow.workflows.contract import SEARCH_ATTRIBUTE_WAITING_FOR
from advanced_workflow.workflows.errors import WorkflowError
from advanced_workflow.workflows.plain.text import one_line

UPGRADING = (
    "Settings are ADW_ variables. To upgrade under live runs, give each build a name (ADW_DEPLOYMENT=shop, ADW_BUILD_ID=2), start "
    "its workers beside the old ones, then: temporal worker deployment set-current-version --deployment-name shop --build-id 2. "
    "Runs that wait move to it. Stop the old workers when their build is drained: temporal worker deployment describe-version."
)
FORMAT_VARIABLE = f"{ENVIRONMENT_PREFIX}LOG_FORMAT"
"""Looked at before the settings are read, as these may be refused."""
STOPPED = 0
FAILED = 1
REFUSED = 2

_log = logging.getLogger("advanced_workflow.worker")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command; never returns."""
    run_and_exit(lambda: run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; what stops it from starting is one sentence on standard error."""
    options = _parser().parse_args(arguments)
    look_in_current_folder()
    own = sys.stderr
    if os.environ.get(FORMAT_VARIABLE) == "json" and not (options.list_actions or options.list_definitions):
        write_only_json()
        configure_logs("json", stream=own)
    try:
        settings = load_settings()
        configure_logs(settings.log_format, settings.log_level, own)
        for sentence in unknown_settings():
            _log.warning("%s", sentence)
        return _run(settings, options)
    except WorkflowError as error:
        complain(f"adw-worker: {error}")
        return REFUSED
    except Exception:
        _log.critical("the worker ended by a fault of its own", exc_info=True)
        return FAILED


def _run(settings: Settings, options: argparse.Namespace) -> int:
    serving = Serving.load(settings)
    if options.list_actions:
        print_actions(serving, as_json=options.json)
        return STOPPED
    if options.list_definitions:
        print_definitions(serving, as_json=options.json)
        return STOPPED
    require_valid(serving.definitions, serving.catalog, serving.graphs, serving.mcp.names)
    tell_idle_secrets(settings, serving.models.secrets, serving.mcp.secrets)
    served = [one.workflow for one in serving.definitions]
    serving.models.preload(settings.agents, served, serving.graphs)
    serving.mcp.preload(settings.agents, served)
    _settle_memory()
    return asyncio.run(_serve(serving, check_only=options.check))


def _settle_memory() -> None:
    """What is loaded by now stays: garbage collection need not look at it again in the middle of a workflow task (50 ms each time)."""
    gc.collect()
    gc.freeze()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="adw-worker", description="Serve runs and actions until told to stop.", epilog=UPGRADING
    )
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--check", action="store_true", help="check that the worker can start, then leave")
    task.add_argument("--list-actions", action="store_true", help="list the actions served; needs no server")
    task.add_argument("--list-definitions", action="store_true", help="list the definitions served; needs no server")
    parser.add_argument("--json", action="store_true", help="print lists as JSON")
    return parser


async def _serve(serving: Serving, *, check_only: bool) -> int:
    known = KnownLabels.of((one.workflow for one in serving.definitions), serving.registry.actions)
    runtime = worker_runtime(serving.settings, known, CORE)
    client = await connect(settings=serving.settings, runtime=runtime)
    search_attributes = await known_search_attributes(client, serving.settings.search_attributes)
    workers = build_workers(client, serving, search_attributes=search_attributes)
    if check_only:
        print(f"worker can start: {serving.describe(client)}")
        return STOPPED
    health = Health(client)
    async with served_health(serving.settings.health, health):
        counted = (
            CountedRuns(client, runtime, SEARCH_ATTRIBUTE_WAITING_FOR in search_attributes)
            if has_metrics(serving.settings)
            else None
        )
        watching = [asyncio.create_task(counted.watch())] if counted else []
        if older := older_runs(client, serving.settings):
            watching.append(asyncio.create_task(older.watch()))

        def on_ready() -> None:
            health.not_polling = None
            print(f"worker ready: {serving.describe(client)}", flush=True)

        def on_stop() -> None:
            health.not_polling = STOPPING

        try:
            failures = await run_until_stopped(workers, on_ready=on_ready, on_stop=on_stop)
        finally:
            for task in watching:
                task.cancel()
            await close(workers, serving)
    return _tell_end(failures)


def _tell_end(failures: Sequence[BaseException]) -> int:
    for failure in failures:
        complain(f"adw-worker: stopped working: {one_line(failure)}")
    if failures:
        return FAILED
    print("worker stopped", flush=True)
    return STOPPED
