"""The three acts of the demo."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from rich.console import Console
from rich.text import Text

from advanced_workflow.client.dev.demo.closing import Act, print_closing, print_kept
from advanced_workflow.client.dev.demo.orders import (
    APPROVED,
    KILLED,
    REJECTED,
    Order,
    broken_promises,
    effects_of,
    stock,
)
from advanced_workflow.client.dev.demo.stage import Stage
from advanced_workflow.client.errors import RequestFailed, RunFailed
from advanced_workflow.client.render.live import show_snapshots
from advanced_workflow.client.render.times import seconds_between
from advanced_workflow.client.runs import Run, get_run, start
from advanced_workflow.client.settings import Settings
from advanced_workflow.client.watch import run_snapshots
from advanced_workflow.workflows.contract import ExecutionOptions, PendingApproval
from advanced_workflow.workflows.errors import WorkflowError

DEFINITION = "order-fulfilment"
CHARGE_STEP = "charge_card"
THINKING_SECONDS = 1.0
"""How long the provider takes, and the approver thinks."""
FOREVER_SECONDS = 60.0
"""How long the provider takes for the worker that is killed meanwhile."""
POLL_SECONDS = 0.1


async def run_demo(console: Console, *, keep: bool = False) -> int:
    """Play the three acts, print the closing table, and check what it says; gives the exit code.

    Raises:
        ServerStartFailed, WorkerStartRefused: the stage could not be set up; nothing is left running.
    """
    began = time.monotonic()
    console.print("Starting a Temporal server and a worker …", style="dim")
    async with Stage(keep=keep) as stage:
        await stage.start_worker(latency_seconds=THINKING_SECONDS)
        play = _Play(console, stage)
        acts = [await play.approved(), await play.rejected(), await play.killed()]
        print_closing(console, acts, time.monotonic() - began)
        promises = [sentence for act in acts for sentence in act.broken]
        if promises:
            for sentence in promises:
                console.print(Text(sentence, style="bold red"), soft_wrap=True)
            stage.keep = False
            return 1
        if keep:
            print_kept(console, stage, acts)
        return 0


class DemoFailed(WorkflowError):
    """An act went another way than it must."""

    code = "DemoFailed"


@dataclass
class _Play:
    console: Console
    stage: Stage

    async def approved(self) -> Act:
        """Act 1: above the limit, approved by a signal."""
        self._title(1, "an order above the limit is approved by a signal")

        async def decide(run: Run) -> None:
            asked = await _approval(run)
            await asyncio.sleep(THINKING_SECONDS)
            self._say(f"fiona of finance sends the signal approve_step for {asked.step_id}")
            await run.signal_approval(asked.step_id, approver="fiona", comment="known customer", digest=asked.digest)

        return await self._act(APPROVED, "approved by fiona, by a signal", "completed", decide)

    async def rejected(self) -> Act:
        """Act 2: rejected, so everything is undone."""
        self._title(2, "an order is rejected, and what was done is undone")

        async def decide(run: Run) -> None:
            asked = await _approval(run)
            await asyncio.sleep(THINKING_SECONDS)
            self._say(f"olga rejects {asked.step_id}")
            await run.reject(asked.step_id, approver="olga", comment="address unknown", digest=asked.digest)

        return await self._act(REJECTED, "rejected by olga", "ApprovalRejected", decide)

    async def killed(self) -> Act:
        """Act 3: the worker is killed after the card was charged and before it could say so."""
        self._title(3, "the worker is killed while a step runs, and nothing is lost")
        await self.stage.stop_worker()
        doomed = await self.stage.start_worker(latency_seconds=FOREVER_SECONDS, latency_place="after")

        async def kill(run: Run) -> None:
            await self._charged(run)
            await asyncio.sleep(THINKING_SECONDS)
            self._say(f"the card is charged, the step still runs: SIGKILL to the worker (pid {doomed.pid})")
            await doomed.kill()
            self.stage.worker = None
            fresh = await self.stage.start_worker(latency_seconds=0)
            self._say(f"a new worker serves (pid {fresh.pid})")

        act = await self._act(KILLED, "worker killed while it charged the card", "completed", kill)
        attempts = await _attempts(get_run(self.stage.client, act.order.run_id), CHARGE_STEP)
        if attempts != 2:
            act.broken.append(f"{KILLED.run_id}: {CHARGE_STEP} must have been tried 2 times and was {attempts} times.")
        act.happened += f"; attempt {attempts} found the charge"
        return act

    async def _act(
        self,
        order: Order,
        happened: str,
        expected: Literal["completed", "ApprovalRejected"],
        meanwhile: Callable[[Run], Coroutine[Any, Any, None]],
    ) -> Act:
        before = stock(self.stage.database) if self.stage.database.exists() else None
        run = await start(
            self.stage.client,
            DEFINITION,
            order.input_data(),
            id=order.run_id,
            options=ExecutionOptions(started_by="sam"),
            settings=Settings(user="sam"),
        )
        await _together(self._watch(run), meanwhile(run))
        outcome = await _outcome(run)
        summary = await run.summary()
        seconds = seconds_between(summary.start_time, summary.close_time or datetime.now(UTC))
        effects = effects_of(self.stage.database, order)
        broken = broken_promises(order, effects, before, stock(self.stage.database))
        if outcome != expected:
            broken.insert(0, f"{order.run_id} must end with {expected} and ended with {outcome}.")
        return Act(order, summary.run_id, happened, outcome, seconds, effects, broken)

    async def _watch(self, run: Run) -> None:
        async with aclosing(run_snapshots(run)) as snapshots:
            await show_snapshots(snapshots, self.console)

    async def _charged(self, run: Run) -> None:
        """Wait until the money has moved while the step still runs."""
        while not effects_of(self.stage.database, KILLED)["payments"]:
            await _require_running(run)
            await asyncio.sleep(POLL_SECONDS)

    def _title(self, number: int, sentence: str) -> None:
        self.console.print()
        self.console.print(Text(f"{number} of 3  ", style="bold cyan").append(sentence, style="bold default"))

    def _say(self, sentence: str) -> None:
        self.console.print(Text("  → ", style="bold magenta").append(sentence, style="magenta"), soft_wrap=True)


async def _approval(run: Run) -> PendingApproval:
    """Wait until the run asks for an approval."""
    while True:
        with contextlib.suppress(RequestFailed):  # the run has not read its definition yet
            asked = await run.pending_approvals()
            if asked:
                return asked[0]
        await _require_running(run)
        await asyncio.sleep(POLL_SECONDS)


async def _require_running(run: Run) -> None:
    if (await run.summary()).close_time is not None:
        raise DemoFailed(f"run {run.id!r} ended before its turn came: {await _outcome(run)}.")


async def _outcome(run: Run) -> str:
    try:
        return (await run.result()).status.value
    except RunFailed as failure:
        return failure.failure_type


async def _attempts(run: Run, step_id: str) -> int:
    """How often a step was tried, by the run's history."""
    history = await run.handle.fetch_history()
    scheduled = {
        event.event_id: event.activity_task_scheduled_event_attributes.activity_id
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    }
    started = [
        event.activity_task_started_event_attributes
        for event in history.events
        if event.HasField("activity_task_started_event_attributes")
    ]
    return max((one.attempt for one in started if scheduled[one.scheduled_event_id] == step_id), default=0)


async def _together(*works: Coroutine[Any, Any, None]) -> None:
    """Do works at once; when one fails the others are cancelled and awaited."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
