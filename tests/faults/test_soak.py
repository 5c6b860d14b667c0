"""Many orders at once while workers and the server are killed at random; then the books must balance."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from advanced_workflow.client.dev.processes import WorkerProcess
from advanced_workflow.client.errors import RunExists
from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.workflows.contract import ExecutionOptions
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.text.load import LIBRARY, load
from tests.faults.shop import FULFILLED, IN_STOCK, Shop, order_input
from tests.harness import Outcome, outcome_of

SECONDS = float(os.environ.get("ADW_SOAK_SECONDS", "180"))
AT_ONCE = 40
WORKERS = 2
TO_THE_END = 300
NOTHING_LEFT = {"released", "refunded", "cancelled", "voided", "corrected", "correction", "void"}


@dataclass
class Soak:
    """The orders of a soak, and how each ended."""

    shop: Shop
    random: random.Random
    until: float
    ends: dict[str, tuple[dict[str, int], Outcome]] = field(default_factory=dict)
    kills: Counter[str] = field(default_factory=Counter)

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.until

    async def customer(self, number: int) -> None:
        """Order one thing after another."""
        count = 0
        while self.goes_on:
            count += 1
            await self.order(f"order-{number}-{count}")

    async def order(self, order_id: str) -> None:
        sku = self.random.choice(["book", "book", "lamp", "chair", "desk", "globe"])
        items = {sku: self.random.randint(1, 2)}
        card = "tok_declined" if self.random.random() < 0.1 else "tok_visa"
        country = "AQ" if self.random.random() < 0.15 else "GB"
        given = order_input(order_id, items, card, country)
        run = await persistently(lambda: self.place(order_id, given))
        decision = asyncio.ensure_future(self.decide(run))
        self.ends[order_id] = (items, await persistently(lambda: outcome_of(run)))
        decision.cancel()

    async def place(self, order_id: str, given: dict[str, Any]) -> Run:
        harness = self.shop.harness
        try:
            return await harness.start(ORDERS, given, options=ExecutionOptions(started_by="sam"), id=order_id)
        except RunExists:  # the server took it and was killed before it said so
            run = get_run(harness.client, order_id)
            harness.handles.append(run.handle)
            return run

    async def decide(self, run: Run) -> None:
        """Approve, reject or cancel, at any moment."""
        await asyncio.sleep(self.random.uniform(0, 6))
        choice = self.random.random()
        if choice < 0.7:
            await persistently(lambda: run.signal_approval("approve_order", approver="olga"))
        elif choice < 0.85:
            await persistently(lambda: run.signal_rejection("approve_order", approver="olga"))
        else:
            await persistently(run.cancel)
            await asyncio.sleep(self.random.uniform(0, 2))
            await persistently(run.cancel)

    async def worker(self) -> None:
        """Serve, be killed or stopped, and come back; in the end stay."""
        while self.goes_on:
            worker = await self.start_worker()
            await asyncio.sleep(self.random.uniform(2, 12))
            if self.random.random() < 0.8:
                self.kills["worker killed"] += 1
                await worker.kill()
            else:
                self.kills["worker stopped"] += 1
                await worker.stop()
        await self.start_worker()

    async def start_worker(self) -> WorkerProcess:
        place = self.random.choice(["before", "after"])
        return await persistently(lambda: self.shop.worker(self.random.uniform(0, 1), place))

    async def disaster(self) -> None:
        """Kill the server now and then."""
        while self.goes_on:
            await asyncio.sleep(self.random.uniform(15, 40))
            process = self.shop.server.process
            assert process
            process.send_signal(self.random.choice([signal.SIGKILL, signal.SIGTERM]))
            await process.wait()
            await self.shop.server.start()
            self.kills["server"] += 1


@pytest.mark.long
@pytest.mark.timeout(SECONDS + 2 * TO_THE_END)
async def test_the_books_balance_after_random_kills_of_workers_and_server(shaky_shop: Shop) -> None:
    seed = random.randrange(2**32)
    soak = Soak(shaky_shop, random.Random(seed), time.monotonic() + SECONDS)
    parts = [soak.disaster(), *(soak.worker() for _ in range(WORKERS)), *(soak.customer(n) for n in range(AT_ONCE))]
    async with asyncio.timeout(SECONDS + TO_THE_END):
        await asyncio.gather(*parts)

    ends = Counter(outcome.failure or "completed" for _, outcome in soak.ends.values())
    reasons = Counter(one.result.error.type for _, one in soak.ends.values() if one.result and one.result.error)
    print(f"seed {seed}: {len(soak.ends)} runs, {dict(ends)}, {dict(reasons)}, {dict(soak.kills)}")
    left = dict(IN_STOCK)
    for order_id, (items, outcome) in soak.ends.items():
        rows = shaky_shop.rows(order_id)
        if outcome.failure is None:
            assert rows == FULFILLED, (seed, order_id, outcome)
            left = {sku: quantity - items.get(sku, 0) for sku, quantity in left.items()}
        else:
            states = {state for table in rows.values() for state in table}
            assert states <= NOTHING_LEFT, (seed, order_id, rows, outcome.message)
    assert shaky_shop.stock() == left
    assert ends["completed"] > 0
    assert not {"RollbackIncomplete", "Terminated", "TimedOut"} & set(ends)


def with_heartbeats(step: WorkflowStep) -> WorkflowStep:
    """So that the death of a worker is noticed in 2 s, whatever it was doing."""
    nested = tuple(with_heartbeats(one) for one in step.parallel_steps)
    return step.model_copy(update={"parallel_steps": nested, **({"heartbeat_timeout": 2.0} if step.action else {})})


async def persistently(call: Callable[[], Awaitable[Any]]) -> Any:
    """Do as callers do when the server is away: try again."""
    while True:
        with contextlib.suppress(Exception):
            return await call()
        await asyncio.sleep(0.5)


LIBRARY_ORDERS = load(LIBRARY / "order-fulfilment" / "definition.yaml").workflow
ORDERS = LIBRARY_ORDERS.model_copy(
    update={"steps": tuple(with_heartbeats(one) for one in LIBRARY_ORDERS.steps)}
).model_dump(mode="json", exclude_defaults=True)
