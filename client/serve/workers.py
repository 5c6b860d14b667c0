"""Building Temporal's workers: one for runs and actions, and one with actions only for each capability."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

from opentelemetry.trace import Tracer
from temporalio.client import Client
from temporalio.worker import Worker

from advanced_workflow.activities.agents.graphs import Aside
from advanced_workflow.activities.agents.telemetry import NO_TRACER
from advanced_workflow.activities.builtin.http_request import HttpPolicy, HttpRequests
from advanced_workflow.activities.builtin.runs import ACTIVITIES
from advanced_workflow.activities.worker.ad_hoc import AdHoc
from advanced_workflow.activities.worker.decision_keys import KeySource
from advanced_workflow.activities.worker.interceptors import ActionInterceptor
from advanced_workflow.activities.worker.prepare import Preparation
from advanced_workflow.client.reruns.kept import require_kept
from advanced_workflow.client.serve.deployment import deployment_config
from advanced_workflow.client.serve.recorded import ReadsEnds
from advanced_workflow.client.serve.sentences import with_sentences
from advanced_workflow.client.serve.serving import Serving
from advanced_workflow.client.service.asking import reads_histories
from advanced_workflow.client.settings import Settings
from advanced_workflow.client.storage import payload_limit
from advanced_workflow.client.telemetry.metrics import metrics_interceptors
from advanced_workflow.workflows.contract import SEARCH_ATTRIBUTE_VERSION, SEARCH_ATTRIBUTE_WAITING_FOR
from advanced_workflow.workflows.engine.graph.plan import build_plan
from advanced_workflow.workflows.engine.graphs.library import load_aside
from advanced_workflow.workflows.engine.run.workflow_types import WORKFLOWS
from advanced_workflow.workflows.engine.temporal.interceptor import EngineInterceptor
from advanced_workflow.workflows.engine.temporal.runner import EngineRunner
from advanced_workflow.workflows.errors import WorkflowError

STICKY_TIMEOUT = timedelta(seconds=5)
"""How long a run's next task waits for the worker that has it cached, before any worker may take it."""
# Temporal's defaults (30 and 60 s) would tell a long action of its cancellation only that late.
HEARTBEAT_EVERY = timedelta(seconds=1)
HEARTBEAT_AT_LEAST_EVERY = timedelta(seconds=2)


def build_workers(client: Client, serving: Serving, *, search_attributes: Collection[str]) -> list[Worker]:
    """The main queue's worker first. `search_attributes`: those of the project's that the namespace knows."""
    settings, client = serving.settings, with_sentences(client)
    load_aside(Aside().is_loading)
    ad_hoc = AdHoc(
        settings.ad_hoc,
        frozenset(settings.ad_hoc_actions),
        settings.ad_hoc_hosts,
        settings.ad_hoc_models,
        frozenset(settings.ad_hoc_mcp_servers),
    )
    http = HttpRequests(
        HttpPolicy(
            settings.http_allowed_hosts,
            secrets=settings.secrets,
            ad_hoc_hosts=settings.ad_hoc_hosts if settings.ad_hoc == "checked" else None,
        )
    )
    actions = [
        *serving.registry.activities(payload_limit=payload_limit(client)),
        http.send,
        serving.models.calls(_tracer(settings)).call,
        serving.mcp.calls(payload_limit(client)).call,
    ]
    keys = KeySource(settings.decision_keys)
    preparation = Preparation(
        [one.workflow for one in serving.definitions],
        serving.catalog,
        search_attributes=SEARCH_ATTRIBUTE_WAITING_FOR in search_attributes,
        tells_version=SEARCH_ATTRIBUTE_VERSION in search_attributes,
        continue_after=settings.continue_after,
        payload_limit=payload_limit(client),
        ad_hoc=ad_hoc,
        prices=serving.models.prices,
        graphs=serving.graphs,
        tool_lists=serving.mcp.lists,
        require_kept=require_kept,
        keys=keys,
        on_accepted=build_plan,
    )
    main_worker = Worker(
        reads_histories(client),  # For the activities that undo what runs did.
        task_queue=settings.task_queue,
        workflows=WORKFLOWS,
        unsandboxed_workflow_runner=EngineRunner(recorded=ReadsEnds(client)),
        activities=[*actions, preparation.prepare, keys.give, *ACTIVITIES],
        max_concurrent_workflow_tasks=settings.max_concurrent_workflow_tasks,
        max_cached_workflows=settings.max_cached_workflows,
        sticky_queue_schedule_to_start_timeout=STICKY_TIMEOUT,
        # Any other exception would repeat the workflow task for ever.
        workflow_failure_exception_types=[WorkflowError],
        **_common(settings),
    )
    capabilities = [
        Worker(client, task_queue=queue, activities=actions, **_common(settings)) for queue in serving.queues[1:]
    ]
    return [main_worker, *capabilities]


async def close(workers: Sequence[Worker], serving: Serving) -> None:
    """End what workers that have stopped still hold: of runs, which go on elsewhere, and sessions with MCP servers."""
    await serving.mcp.sessions.close()
    for worker in workers:
        runner = cast("Mapping[str, object]", worker.config()).get("unsandboxed_workflow_runner")
        if isinstance(runner, EngineRunner):
            await runner.close()


def _tracer(settings: Settings) -> Tracer:
    """Where model calls tell their spans."""
    if settings.otlp is None:
        return NO_TRACER
    # Only for those who use it: gRPC takes half a second to import.
    from advanced_workflow.client.telemetry.tracing import otlp_tracing

    return otlp_tracing(settings.otlp).tracer


def _common(settings: Settings) -> dict[str, Any]:
    """What holds for the workers of all queues."""
    return {
        "interceptors": [*metrics_interceptors(settings), ActionInterceptor(), EngineInterceptor()],
        "deployment_config": deployment_config(settings),
        "max_concurrent_activities": settings.max_concurrent_activities,
        "graceful_shutdown_timeout": timedelta(seconds=settings.shutdown_timeout),
        "default_heartbeat_throttle_interval": HEARTBEAT_EVERY,
        "max_heartbeat_throttle_interval": HEARTBEAT_AT_LEAST_EVERY,
    }
