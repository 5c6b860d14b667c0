"""The demo's stage: a fresh folder, a real server on its own file, and one worker at a time."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from temporalio.client import Client

from advanced_workflow.client.dev.processes import WorkerProcess, local_environment
from advanced_workflow.client.dev.server import DevServer


@dataclass
class Stage:
    """Server and worker; `async with` sets it up and takes it down.

    With `keep` a demo that ended well leaves server, worker and folder; after an error nothing is left.
    """

    keep: bool = False
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="adw-demo-")))
    worker: WorkerProcess | None = field(default=None, init=False)
    _client: Client | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """The server is known before it is started."""
        self.server = DevServer(
            database=self.folder / "temporal.db", log_path=self.folder / "server.log", keep=self.keep
        )

    @property
    def database(self) -> Path:
        """The order database."""
        return self.folder / "orders.db"

    @property
    def ledger(self) -> Path:
        """What the other examples did."""
        return self.folder / "ledger.db"

    @property
    def client(self) -> Client:
        """A client of the server."""
        if self._client is None:
            raise RuntimeError("the stage is not set up")
        return self._client

    async def __aenter__(self) -> Self:
        try:
            await self.server.start()
            self._client = await Client.connect(self.server.address)
        except BaseException:
            await self._take_down()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None or not self.keep:
            await self._take_down()

    async def start_worker(self, *, latency_seconds: float, latency_place: str = "before") -> WorkerProcess:
        """Start a worker whose payment provider takes its time, before or after the money moves."""
        settings = {
            "ADW_LIBRARY": "on",
            "ADW_ACTIONS": "",
            "ADW_DEFINITIONS": "",
            "ADW_CAPABILITIES": "",
            "ADW_TASK_QUEUE": "",
            "ADW_PROMETHEUS": "",
            "ADW_OTLP": "",
            "ADW_LOG_FORMAT": "text",
            "ADW_MODEL_SCRIPTS": "",
            "ADW_LEDGER_DB": str(self.ledger),
            "ADW_ORDERS_DB": str(self.database),
            "ADW_ORDERS_LATENCY_SECONDS": str(latency_seconds),
            "ADW_ORDERS_LATENCY": latency_place,
        }
        environment = local_environment(self.server.address, **settings)
        # A log for each worker: the line that says it serves must be its own.
        log_path = Path(tempfile.mkstemp(prefix="worker-", suffix=".log", dir=self.folder)[1])
        self.worker = WorkerProcess(environment, log_path=log_path, keep=self.keep)
        await self.worker.start()
        return self.worker

    async def stop_worker(self) -> None:
        """Stop the worker as an operator would."""
        if self.worker is not None:
            await self.worker.stop()
            self.worker = None

    async def _take_down(self) -> None:
        try:
            await self.stop_worker()
        finally:
            await self.server.stop()
            shutil.rmtree(self.folder, ignore_errors=True)
