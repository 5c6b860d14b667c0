"""The beginning and the end of a run, as commands show them."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from advanced_workflow.client.cli.command import Command
from advanced_workflow.client.cli.exits import Exit
from advanced_workflow.client.cli.failures import exit_code
from advanced_workflow.client.cli.leaving import said_when_interrupted
from advanced_workflow.client.cli.output import console, note, print_json, print_json_line
from advanced_workflow.client.cli.streaming import stream_run
from advanced_workflow.client.errors import RunCancelled, RunFailed
from advanced_workflow.client.render.live import show_snapshots
from advanced_workflow.client.render.outcome import print_failure, print_result
from advanced_workflow.client.runs import Run
from advanced_workflow.client.watch import BEGUN_EVENTS, run_snapshots
from advanced_workflow.client.web_ui import web_ui_url

BEGIN_SECONDS = 3
"""How long `start` waits to see whether the run begins."""


async def after_start(command: Command, run: Run, *, wait: bool, watch: bool, as_json: bool) -> int:
    """Print what comes after the start of a run: its id, or its end where the caller waits for it. Raises `RunFailed` when it is refused."""
    if not watch:
        await _require_begun(run)
    if not (watch or wait):
        _print_started(command, run, as_json=as_json)
        return Exit.OK
    if as_json and watch:
        print_json_line({"type": "started", "id": run.id, "run_id": run.run_id})
    elif not as_json:
        note(f"started {run.id}")
    return await wait_for_end(run, as_json=as_json, live=watch)


async def _require_begun(run: Run) -> None:
    """Wait until the run's first task is done; raises `RunFailed` for a run that was refused."""
    try:
        async with asyncio.timeout(BEGIN_SECONDS):
            summary = await run.summary()
            while summary.close_time is None and summary.history_events < BEGUN_EVENTS:
                await asyncio.sleep(0.05)
                summary = await run.summary()
    except TimeoutError:
        note("no worker has taken the run yet; it starts when one serves its task queue.")
        return
    if summary.status == "failed":
        try:
            await run.result()
        except RunFailed as failure:
            # One that began has left its report, and may simply have been quick to fail.
            if failure.result is None:
                raise


def _print_started(command: Command, run: Run, *, as_json: bool) -> None:
    """Print the id of a run that was just started, and where to see it."""
    url = web_ui_url(command.settings.web_ui, command.client.namespace, run.id) if command.settings.web_ui else None
    if as_json:
        print_json({"id": run.id, "run_id": run.run_id, "url": url})
        return
    out = console()
    out.print(run.id, soft_wrap=True)
    if url:
        out.print(url, soft_wrap=True)
    if out.is_terminal:
        note(f"'adw watch {run.id}' shows its steps.")


async def wait_for_end(run: Run, *, as_json: bool, live: bool) -> int:
    """Wait for a run's end, showing its steps meanwhile if `live`; print the end and give the exit code. Raises `RunFailed` as JSON tells it."""
    with said_when_interrupted(_continues(run)):
        if live and as_json:
            return await stream_run(run)
        if live:
            await _show(run)
        return await _print_end(run, as_json=as_json)


async def wait_for_cancel(run: Run, *, as_json: bool) -> int:
    """Wait for the end of a run that was cancelled, showing its steps meanwhile; that it is cancelled is what was wanted."""
    with said_when_interrupted(_continues(run)):
        if not as_json:
            await _show(run)
        try:
            code = await _print_end(run, as_json=as_json)
        except RunCancelled as cancelled:
            print_json({"id": run.id, "operation": "cancel", "status": "canceled", "message": str(cancelled)})
            return Exit.OK
    return Exit.OK if (await run.summary()).status == "canceled" else code


def _continues(run: Run) -> str:
    return f"the run continues; 'adw watch {run.id}' shows it again, 'adw cancel {run.id}' stops it."


async def _show(run: Run) -> None:
    async with aclosing(run_snapshots(run)) as snapshots:
        await show_snapshots(snapshots, console())


async def _print_end(run: Run, *, as_json: bool) -> int:
    try:
        result = await run.result()
    except RunFailed as failure:
        if as_json:
            raise
        print_failure(console(), failure)
        return exit_code(failure)
    if as_json:
        print_json(result)
    else:
        print_result(console(), result)
    return Exit.OK
