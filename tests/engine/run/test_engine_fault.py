"""What nobody foresaw in the engine fails the workflow task: nothing is failed or undone, it is seen, and a fixed worker heals it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from advanced_workflow.client.render.lines import ChangeLines
from advanced_workflow.client.render.report import RunReport, print_report
from advanced_workflow.client.runs import Run
from advanced_workflow.client.service.faults import engine_fault
from advanced_workflow.client.watch import Snapshot, run_snapshots
from advanced_workflow.workflows.engine.actions import calls
from tests.engine.stage import Stage, act, deed
from tests.harness import Harness, definition, outcome_of
from tests.patience import PATIENCE_SECONDS

TIME = timedelta(seconds=5)


async def faulty(run: Run) -> Snapshot:
    """Watch until the fault is seen."""
    snapshots: AsyncGenerator[Snapshot] = run_snapshots(run, 0.05)
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for snapshot in snapshots:
            if snapshot.fault is not None:
                return snapshot
    raise AssertionError("the run ended without a fault")


def shown(snapshot: Snapshot) -> str:
    console = Console(file=StringIO(), width=200, highlight=False)
    print_report(console, RunReport(snapshot))
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (lambda *_: (_ for _ in ()).throw(KeyError("nobody foresaw this")), "KeyError: 'nobody foresaw this'"),
        (
            lambda call, arguments: calls.start_activity("x" * 2000, arguments, summary="", id=call.path, timeout=TIME),
            "BadScheduleActivityAttributes: activityType exceeds length limit",
        ),
    ],
    ids=["an exception", "a command the server refuses"],
)
async def test_a_fault_of_the_engine_is_seen_and_a_fixed_worker_heals_it(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, wrong: Any, reason: str
) -> None:
    stage, harness.faults = Stage(), True
    began = datetime.now(UTC)
    right = calls._start

    def start(call: Any, arguments: Any) -> Any:
        return (wrong if call.path == "b" else right)(call, arguments)

    monkeypatch.setattr(calls, "_start", start)
    async with harness.worker(stage.actions, max_cached_workflows=0):
        run = await harness.start(definition(deed("a"), act("b", "a"), act("c", "b")))
        seen = await faulty(run)
    page, lines = shown(seen), list(ChangeLines().lines(seen, datetime.now(UTC)))
    monkeypatch.undo()
    async with harness.worker(stage.actions):
        outcome = await outcome_of(run)
    description = await harness.client.get_workflow_handle(run.id).describe()
    healed = await engine_fault(harness.client, description.raw_description)

    assert seen.fault is not None
    assert seen.fault.reason.startswith(reason)
    assert began <= seen.fault.since <= datetime.now(UTC)
    assert "EngineFault" in page
    assert reason.split(":")[0] in page
    assert f"adw cancel {run.id}" in " ".join(page.split())
    assert "none answers" not in page
    assert any("EngineFault" in one for one in lines)
    assert (stage.done, stage.undone) == (["a", "b", "c"], [])
    assert outcome.failure is None, outcome.message
    assert healed is None


async def test_a_run_that_nobody_serves_has_no_fault(harness: Harness) -> None:
    run = await harness.start(definition(act("a")))
    description = await harness.client.get_workflow_handle(run.id).describe()
    fault = await engine_fault(harness.client, description.raw_description)
    await run.handle.terminate()

    assert fault is None
