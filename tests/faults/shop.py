"""A shop under fault tests: the real worker as a process, a real server on a file, and an order database that both outlive."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from advanced_workflow.client.dev.processes import WorkerProcess, local_environment
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.contract import ExecutionOptions
from tests.harness import ROOT, Harness, eventually

SMALL = {"book": 2}
"""Needs no approval."""
LARGE = {"desk": 1}
"""Needs one."""
FULFILLED = {
    "reservations": {"reserved": 1},
    "payments": {"charged": 1},
    "shipments": {"created": 1},
    "invoices": {"issued": 1},
    "outbox": {"queued": 1},
}
UNDONE = {"reservations": {"released": 1}, "payments": {"refunded": 1}, "shipments": {}, "invoices": {}, "outbox": {}}
IN_STOCK = {"book": 1000, "lamp": 200, "chair": 50, "desk": 10, "globe": 1}


@dataclass
class Shop:
    """Workers, orders and what the order database holds."""

    server: DevServer
    harness: Harness
    folder: Path
    workers: list[WorkerProcess] = field(default_factory=list)

    @property
    def database(self) -> Path:
        return self.folder / "orders.db"

    async def worker(self, latency: float = 0, place: str = "before", **more: str) -> WorkerProcess:
        """Start a worker whose payment provider takes that many seconds, before or after the money moves."""
        environment = local_environment(
            self.server.address,
            PYTHONPATH=str(ROOT),
            ADW_LIBRARY="on",
            ADW_TASK_QUEUE=self.harness.task_queue,
            ADW_ORDERS_DB=str(self.database),
            ADW_ORDERS_LATENCY_SECONDS=str(latency),
            ADW_ORDERS_LATENCY=place,
            **more,
        )
        worker = WorkerProcess(environment, log_path=self.folder / f"worker-{len(self.workers)}.log")
        self.workers.append(worker)
        await worker.start()
        return worker

    async def order(self, order_id: str, items: dict[str, int], workflow: Any = "order-fulfilment") -> Run:
        """Start a run for an order."""
        return await self.harness.start(
            workflow,
            order_input(order_id, items),
            options=ExecutionOptions(started_by="sam"),
            id=f"{order_id}-{self.harness.task_queue}",
        )

    def rows(self, order_id: str) -> dict[str, dict[str, int]]:
        """What the database holds of an order: table -> state -> rows."""
        with self._reading() as db:
            return {
                table: dict(
                    db.execute(
                        f"SELECT state, COUNT(*) FROM {table} WHERE order_id = ? GROUP BY state",  # noqa: S608
                        (order_id,),
                    ).fetchall()
                )
                for table in FULFILLED
            }

    def keys(self, order_id: str) -> list[str]:
        """The idempotency keys of everything done for an order."""
        with self._reading() as db:
            return [
                key
                for table in FULFILLED
                for (key,) in db.execute(f"SELECT idempotency_key FROM {table} WHERE order_id = ?", (order_id,))  # noqa: S608
            ]

    def stock(self) -> dict[str, int]:
        with self._reading() as db:
            return dict(db.execute("SELECT sku, quantity FROM stock").fetchall())

    @contextlib.contextmanager
    def closed(self) -> Generator[None, None, None]:
        """Keep every action from the database: one that runs hangs where it would take effect."""
        with contextlib.closing(sqlite3.connect(self.database, isolation_level=None)) as db:
            db.execute("BEGIN IMMEDIATE")
            yield
            db.execute("ROLLBACK")

    async def close(self) -> None:
        """End the workers and replay every run."""
        for worker in self.workers:
            await worker.stop()
        await self.harness.replay()

    @contextlib.contextmanager
    def _reading(self) -> Generator[sqlite3.Connection, None, None]:
        with contextlib.closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True)) as db:
            yield db


def order_input(order_id: str, items: dict[str, int], card: str = "tok_visa", country: str = "GB") -> dict[str, Any]:
    """Input of `order-fulfilment`."""
    return {
        "order_id": order_id,
        "customer": "ada@example.com",
        "card_token": card,
        "items": [{"sku": sku, "quantity": quantity} for sku, quantity in items.items()],
        "address": {"name": "Ada Lovelace", "street": "12 St James's Square", "city": "London", "country": country},
    }


async def started(run: Run, path: str) -> None:
    """Wait until a worker has the step's action in hand."""

    async def is_started() -> bool:
        attempt = (await run.attempts()).get(path)
        return (
            attempt is not None and attempt.state in ("started", "cancel_requested") and attempt.started_at is not None
        )

    await eventually(is_started)


async def attempts_of(run: Run, path: str) -> int:
    """The attempt of an action that its history shows in the end."""
    history = await run.handle.fetch_history()
    scheduled = {event.event_id: event.activity_task_scheduled_event_attributes.activity_id for event in history.events}
    return next(
        event.activity_task_started_event_attributes.attempt
        for event in history.events
        if scheduled.get(event.activity_task_started_event_attributes.scheduled_event_id) == path
    )
