"""The first three stories: an order that is approved, one that is rejected, and one whose worker is killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from advanced_workflow.client.dev.demo.acts import OrderAct
from advanced_workflow.client.dev.demo.orders import (
    APPROVED,
    KILLED,
    REJECTED,
    Order,
    broken_promises,
    effects_of,
    stock,
)
from advanced_workflow.client.dev.demo.telling import (
    POLL_SECONDS,
    THINKING_SECONDS,
    Teller,
    approval,
    require_running,
)
from advanced_workflow.client.runs import Run, get_run

DEFINITION = "order-fulfilment"
CHARGE_STEP = "charge_card"
FOREVER_SECONDS = 60.0
"""How long the provider takes for the worker that is killed meanwhile."""


@dataclass
class OrderStories:
    """Tells them."""

    teller: Teller

    async def approved(self) -> OrderAct:
        """Story 1: above the limit, approved by a signal."""
        self.teller.title(1, "an order above the limit is approved by a signal")

        async def decide(run: Run) -> None:
            asked = await approval(run)
            await asyncio.sleep(THINKING_SECONDS)
            self.teller.say(f"fiona of finance sends the signal approve_step for {asked.step_id}")
            await run.signal_approval(asked.step_id, approver="fiona", comment="known customer", digest=asked.digest)

        return await self._act(APPROVED, "approved by fiona, by a signal", "completed", decide)

    async def rejected(self) -> OrderAct:
        """Story 2: rejected, so everything is undone."""
        self.teller.title(2, "an order is rejected, and what was done is undone")

        async def decide(run: Run) -> None:
            asked = await approval(run)
            await asyncio.sleep(THINKING_SECONDS)
            self.teller.say(f"olga rejects {asked.step_id}")
            await run.reject(asked.step_id, approver="olga", comment="address unknown", digest=asked.digest)

        return await self._act(REJECTED, "rejected by olga", "ApprovalRejected", decide)

    async def killed(self) -> OrderAct:
        """Story 3: the worker is killed after the card was charged and before it could say so."""
        stage = self.teller.stage
        self.teller.title(3, "the worker is killed while a step runs, and nothing is lost")
        await stage.stop_worker()
        doomed = await stage.start_worker(latency_seconds=FOREVER_SECONDS, latency_place="after")

        async def kill(run: Run) -> None:
            await self._charged(run)
            await asyncio.sleep(THINKING_SECONDS)
            self.teller.say(f"the card is charged, the step still runs: SIGKILL to the worker (pid {doomed.pid})")
            await doomed.kill()
            stage.worker = None
            fresh = await stage.start_worker(latency_seconds=0)
            self.teller.say(f"a new worker serves (pid {fresh.pid})")

        act = await self._act(KILLED, "worker killed while it charged the card", "completed", kill)
        attempts = await _attempts(get_run(stage.client, act.name), CHARGE_STEP)
        if attempts != 2:
            act.broken.append(f"{act.name}: {CHARGE_STEP} must have been tried 2 times and was {attempts} times.")
        act.happened += f"; attempt {attempts} found the charge"
        return act

    async def _act(
        self,
        order: Order,
        happened: str,
        expected: Literal["completed", "ApprovalRejected"],
        meanwhile: Callable[[Run], Coroutine[Any, Any, None]],
    ) -> OrderAct:
        database = self.teller.stage.database
        before = stock(database) if database.exists() else None
        told = await self.teller.tell(DEFINITION, order.input_data(), order.run_id, meanwhile)
        effects = effects_of(database, order)
        broken = broken_promises(order, effects, before, stock(database))
        if told.outcome != expected:
            broken.insert(0, f"{order.run_id} must end with {expected} and ended with {told.outcome}.")
        return OrderAct(
            order.run_id, told.run_id, happened, told.outcome, told.seconds, broken, order=order, effects=effects
        )

    async def _charged(self, run: Run) -> None:
        """Wait until the money has moved while the step still runs."""
        while not effects_of(self.teller.stage.database, KILLED)["payments"]:
            await require_running(run)
            await asyncio.sleep(POLL_SECONDS)


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
