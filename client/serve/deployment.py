"""Builds of the worker in one Worker Deployment: runs stay on a build while one history lasts, and move when they continue as new.

A run that continues as new begins its new history on the deployment's current build. One that waits does so as soon as it
has a workflow task; so that it need not wait for its event, the workers of the current build wake the runs of the others.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from temporalio.api.common.v1 import WorkflowExecution as Execution
from temporalio.api.deployment.v1 import RoutingConfig
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest, SignalWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.contract import SIGNAL_WAKE

LOOK_EVERY_SECONDS = 15
"""How often a worker asks which build is current, and which runs are on others."""
WAKE_AGAIN_SECONDS = 3600
"""A run that stays where it is (it has an action in flight) is woken again at growing intervals, up to this one."""

_log = logging.getLogger(__name__)


def deployment_config(settings: Settings) -> WorkerDeploymentConfig | None:
    """How a worker tells the server its build; None where it has none. Runs are pinned to the build they began on."""
    if settings.deployment is None or settings.build_id is None:
        return None
    return WorkerDeploymentConfig(
        version=WorkerDeploymentVersion(settings.deployment, settings.build_id),
        use_worker_versioning=True,
        default_versioning_behavior=VersioningBehavior.PINNED,
    )


def older_runs(client: Client, settings: Settings) -> OlderRuns | None:
    """What a worker of a deployment watches beside its queues; None for any other worker."""
    if settings.deployment is None or settings.build_id is None:
        return None
    return OlderRuns(client, settings.deployment, settings.build_id, settings.task_queue)


@dataclass
class _Woken:
    """How often a run was woken, and when it is its turn again: queues may learn a moment late which build is current."""

    times: int = 0
    next_at: float = 0

    def again(self, first: float) -> None:
        self.next_at = asyncio.get_running_loop().time() + min(first * 2 ** min(self.times, 16), WAKE_AGAIN_SECONDS)
        self.times += 1


@dataclass
class OlderRuns:
    """The open runs of a deployment's other builds on one queue. Once `build_id` is current, they are woken to move to it.

    However many workers do so, the server delivers to a run only the first of their n-th signals.
    """

    client: Client
    deployment: str
    build_id: str
    task_queue: str
    look_every: float = LOOK_EVERY_SECONDS
    _revision: int = field(default=-1, init=False)
    _woken: dict[str, _Woken] = field(default_factory=dict[str, "_Woken"], init=False)
    _told: bool = field(default=False, init=False)

    async def watch(self) -> None:
        """Look until cancelled; a server that does not answer is asked again later."""
        while True:
            try:
                await self.look()
            except RPCError as error:
                _log.warning("builds of deployment %r cannot be looked at now: %s", self.deployment, error)
            await asyncio.sleep(self.look_every)

    async def look(self) -> int:
        """Wake the runs whose turn it is, if this build is current; gives how many."""
        routing = await self._routing()
        if routing.current_deployment_version.build_id != self.build_id:
            self._tell_that_it_is_not_current(routing)
            return 0
        if routing.revision_number != self._revision:
            self._revision = routing.revision_number
            self._woken.clear()
        count = 0
        async for run in self.client.list_workflows(self._query(routing)):
            woken = self._woken.setdefault(run.run_id, _Woken())
            if woken.next_at <= asyncio.get_running_loop().time():
                await self._wake(Execution(workflow_id=run.id, run_id=run.run_id), woken.times)
                woken.again(self.look_every)
                count += 1
        if count:
            _log.info(
                "woke %d runs of other builds of %r: they move to build %r", count, self.deployment, self.build_id
            )
        return count

    async def _routing(self) -> RoutingConfig:
        """Where new runs go. Queues learn it one after the other; a run that is woken too early is woken again."""
        request = DescribeWorkerDeploymentRequest(namespace=self.client.namespace, deployment_name=self.deployment)
        answer = await self.client.workflow_service.describe_worker_deployment(request)
        return answer.worker_deployment_info.routing_config

    def _query(self, routing: RoutingConfig) -> str:
        # Runs on the build that is being tried out (ramping) belong there.
        settled = {self.build_id, routing.ramping_deployment_version.build_id} - {""}
        others = [f"TemporalWorkerDeploymentVersion != '{self.deployment}:{build}'" for build in sorted(settled)]
        return " AND ".join(
            [
                "ExecutionStatus = 'Running'",
                f"TaskQueue = '{self.task_queue}'",
                f"TemporalWorkerDeployment = '{self.deployment}'",
                *others,
            ]
        )

    async def _wake(self, run: Execution, times: int) -> None:
        request = SignalWorkflowExecutionRequest(
            namespace=self.client.namespace,
            workflow_execution=run,
            signal_name=SIGNAL_WAKE,
            identity=self.client.identity,
            request_id=f"{SIGNAL_WAKE} {self.deployment}:{self.build_id} {self._revision} {times}",
        )
        try:
            await self.client.workflow_service.signal_workflow_execution(request)
        except RPCError as error:
            if error.status != RPCStatusCode.NOT_FOUND:  # it ended meanwhile, or moved by itself
                raise

    def _tell_that_it_is_not_current(self, routing: RoutingConfig) -> None:
        if self._told:
            return
        self._told = True
        current = routing.current_deployment_version.build_id or "none"
        _log.info(
            "build %r of %r serves only runs that are on it, as new runs start on the current build (%s); to make it that:"
            " temporal worker deployment set-current-version --deployment-name %s --build-id %s",
            self.build_id,
            self.deployment,
            current,
            self.deployment,
            self.build_id,
        )
