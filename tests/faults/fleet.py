"""A Worker Deployment under test: builds of the worker that come and go, and the runs that wait on them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from uuid import uuid4

from temporalio.api.deployment.v1 import RoutingConfig, WorkerDeploymentVersion
from temporalio.api.enums.v1 import VersionDrainageStatus
from temporalio.api.workflowservice.v1 import (
    DescribeWorkerDeploymentRequest,
    DescribeWorkerDeploymentVersionRequest,
    SetWorkerDeploymentCurrentVersionRequest,
)

from advanced_workflow.activities.action import context
from advanced_workflow.client.dev.processes import WorkerProcess, local_environment
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.client.serve.deployment import OlderRuns, deployment_config
from advanced_workflow.client.settings import Settings
from tests.faults.steady import DATABASE
from tests.harness import ROOT, Definition, Harness, eventually

PATIENCE = 600
"""Seconds until a state must be reached, however busy the machine is."""
DRAINED_AT_ONCE = {
    f"matching.wv.VersionDrainageStatus{name}": '"1s"' for name in ("VisibilityGracePeriod", "RefreshInterval")
}
"""By default the server says three minutes late that a build is drained."""


@dataclass
class Fleet:
    """A deployment on one queue; the subclass says what a worker is."""

    harness: Harness
    deployment: str = field(default_factory=lambda: f"fleet-{uuid4().hex[:8]}")

    async def start(self, build: str) -> None:
        """Start a worker of a build."""
        raise NotImplementedError

    async def stop(self, build: str) -> None:
        """End it."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for build in self.builds:
            await self.stop(build)

    @property
    def builds(self) -> list[str]:
        """Those that have a worker."""
        raise NotImplementedError

    def effects(self) -> Counter[str]:
        """How often each effect was made, by its idempotency key."""
        raise NotImplementedError

    async def make_current(self, build: str) -> None:
        """New runs start on a build from now on."""
        request = SetWorkerDeploymentCurrentVersionRequest(
            namespace=self.harness.client.namespace,
            deployment_name=self.deployment,
            build_id=build,
            identity="operator",
        )

        async def accepted() -> bool:  # refused until a worker of the build was seen
            await self.harness.client.workflow_service.set_worker_deployment_current_version(request)
            return True

        async def known() -> bool:
            return (await self._routing()).current_deployment_version.build_id == build

        await eventually(accepted, PATIENCE)
        await eventually(known, PATIENCE)

    async def _routing(self) -> RoutingConfig:
        request = DescribeWorkerDeploymentRequest(
            namespace=self.harness.client.namespace, deployment_name=self.deployment
        )
        answer = await self.harness.client.workflow_service.describe_worker_deployment(request)
        return answer.worker_deployment_info.routing_config

    async def open_runs(self, build: str) -> int:
        """How many open runs are on a build."""
        version = f"TemporalWorkerDeploymentVersion = '{self.deployment}:{build}'"
        return (await self.harness.client.count_workflows(f"ExecutionStatus = 'Running' AND {version}")).count

    async def all_on(self, build: str, count: int) -> None:
        """Wait until so many open runs are on a build."""

        async def there() -> bool:
            return await self.open_runs(build) == count

        await eventually(there, PATIENCE)

    async def is_drained(self, build: str) -> bool:
        """Whether the server says that no run is on a build and none will be."""
        version = WorkerDeploymentVersion(deployment_name=self.deployment, build_id=build)
        request = DescribeWorkerDeploymentVersionRequest(
            namespace=self.harness.client.namespace, deployment_version=version
        )
        answer = await self.harness.client.workflow_service.describe_worker_deployment_version(request)
        status = answer.worker_deployment_version_info.drainage_info.status
        return status == VersionDrainageStatus.VERSION_DRAINAGE_STATUS_DRAINED


@dataclass
class FleetHere(Fleet):
    """Its workers are in this process, and look all the time."""

    definitions: list[Definition] = field(default_factory=list[Definition])
    made: Counter[str] = field(default_factory=Counter[str])
    workers: dict[str, AsyncExitStack] = field(default_factory=dict[str, AsyncExitStack])

    async def start(self, build: str) -> None:
        """Enter a worker."""

        def make(value: int) -> dict[str, int]:
            self.made[context.idempotency_key()] += 1
            return {"made": value}

        settings = Settings(deployment=self.deployment, build_id=build)
        older = OlderRuns(self.harness.client, self.deployment, build, self.harness.task_queue, look_every=0.5)
        watching = asyncio.create_task(older.watch())
        self.workers[build] = AsyncExitStack()
        self.workers[build].callback(watching.cancel)
        await self.workers[build].enter_async_context(
            self.harness.worker({"steady.make": make}, self.definitions, deployment_config=deployment_config(settings))
        )

    async def stop(self, build: str) -> None:
        """Leave it."""
        await self.workers.pop(build).aclose()

    @property
    def builds(self) -> list[str]:
        """Those entered."""
        return list(self.workers)

    def effects(self) -> Counter[str]:
        """As counted."""
        return self.made


@dataclass
class FleetOfProcesses(Fleet):
    """Its workers are what an operator starts: `adw-worker` with `ADW_DEPLOYMENT` and `ADW_BUILD_ID`."""

    server: DevServer = field(default_factory=DevServer)
    folder: Path = Path()
    workers: dict[str, WorkerProcess] = field(default_factory=dict[str, WorkerProcess])

    async def start(self, build: str) -> None:
        """Start a process."""
        environment = local_environment(
            self.server.address,
            PYTHONPATH=str(ROOT),
            ADW_ACTIONS="tests.faults.steady",
            ADW_DEFINITIONS=str(self.folder),
            ADW_TASK_QUEUE=self.harness.task_queue,
            ADW_DEPLOYMENT=self.deployment,
            ADW_BUILD_ID=build,
            **{DATABASE: str(self.folder / "effects.db")},
        )
        self.workers[build] = WorkerProcess(environment, log_path=self.folder / f"worker-{build}.log")
        await self.workers[build].start()

    async def stop(self, build: str) -> None:
        """End it."""
        await self.workers.pop(build).stop()

    @property
    def builds(self) -> list[str]:
        """Those started."""
        return list(self.workers)

    def effects(self) -> Counter[str]:
        """What the actions' database holds."""
        with closing(sqlite3.connect(self.folder / "effects.db")) as db:
            rows: Iterable[tuple[str, int]] = db.execute("SELECT key, calls FROM effects")
            return Counter(dict(rows))
