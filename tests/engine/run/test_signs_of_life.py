"""How old the last sign of life of a running action is, as the server knows it."""

from __future__ import annotations

import io
import time
from datetime import UTC, datetime

from rich.console import Console
from temporalio import activity

from advanced_workflow.client.render.report import RunReport, print_report
from advanced_workflow.client.runs import Run
from advanced_workflow.client.watch import Snapshot, run_snapshots
from advanced_workflow.workflows.definition.check.catalog import ActionInfo
from tests.harness import Harness, definition, eventually
from tests.patience import never_ends


@activity.defn(name="foreign")
async def foreign() -> None:
    """As one of another SDK: nothing beats for it."""
    await never_ends()


async def test_show_says_when_a_running_step_was_last_heard_of(harness: Harness) -> None:
    released = False

    def plain() -> None:
        while not released:
            time.sleep(0.05)

    other = f"{harness.task_queue}-other"
    steps = [{"step_id": "plain"}, {"step_id": "elsewhere", "action": "foreign", "agent_capability": other}]
    ours = {"plain": ActionInfo("plain")}
    async with harness.worker({"plain": plain}, catalog=ours), harness.worker(task_queue=other, activities=[foreign]):
        run = await harness.start(definition(*steps, {"step_id": "short", "action": "plain", "timeout": 9}))
        try:
            page = await eventually(lambda: page_with(run, "last heard", "gives no signs of life"))
            attempts = await run.attempts()
        finally:
            released = True
        await run.handle.terminate()

    lines = {
        line.split()[0]: line for line in page.splitlines() if line.startswith((" ", "plain", "elsewhere", "short"))
    }
    assert "last heard" in lines["plain"]
    assert "is left alone until its timeout of 5 min 00 s" in page
    beating, silent, short = (attempts[name] for name in ("plain", "elsewhere", "short"))
    assert (beating.heartbeat_timeout_seconds, silent.heartbeat_timeout_seconds) == (10, None)
    assert (beating.beats, silent.beats, short.beats) == (True, False, True)
    assert beating.heard_at is not None
    assert beating.started_at is not None
    assert beating.started_at < beating.heard_at <= datetime.now(UTC)
    assert silent.heard_at == silent.started_at


async def page_with(run: Run, *texts: str) -> str | None:
    """What `adw show` prints, once it says all this."""
    file = io.StringIO()
    print_report(Console(file=file, width=200), RunReport(await latest(run)))
    return file.getvalue() if all(text in file.getvalue() for text in texts) else None


async def latest(run: Run) -> Snapshot:
    async for snapshot in run_snapshots(run):
        if snapshot.state is not None:
            return snapshot
    raise AssertionError("the run has ended")
