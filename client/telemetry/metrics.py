"""Metrics of a worker: Temporal's own and the project's, on a page for Prometheus or to an OpenTelemetry collector."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from temporalio import activity
from temporalio.client import Client
from temporalio.runtime import LogForwardingConfig, LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError
from temporalio.worker import (
    ActivityInboundInterceptor,
    ExecuteActivityInput,
    Interceptor,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
)

from advanced_workflow.client.errors import WorkerStartRefused
from advanced_workflow.client.ports import LOOPBACK, find_free_ports
from advanced_workflow.client.service.description import REPORTED_PROBLEMS
from advanced_workflow.client.settings import Settings
from advanced_workflow.client.telemetry.known_labels import KnownLabels
from advanced_workflow.client.telemetry.page import serve_page
from advanced_workflow.workflows.contract import SEARCH_ATTRIBUTE_WAITING_FOR, gen_ai
from advanced_workflow.workflows.engine.monitoring.telemetry import (
    METRICS_WANTED,
    RUN_SECONDS,
    RUNS_FAULTY,
    RUNS_WAITING,
    STEP_RETRIED,
    STEP_SECONDS,
)

COUNT_EVERY_SECONDS = 15
"""How often the server is asked how many runs wait for people, and how many have a fault."""
FAULTY = f"ExecutionStatus = 'Running' AND {REPORTED_PROBLEMS} IS NOT NULL"
WAITING = f"ExecutionStatus = 'Running' AND {SEARCH_ATTRIBUTE_WAITING_FOR} IS NOT NULL"

# From a quick action to an approval of a week.
_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 3600, 21_600, 86_400, 604_800)
# Of a model call, and its tokens: those that the conventions for generative AI advise.
_MODEL_SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
_TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864)
_BUCKETS = {
    RUN_SECONDS: _SECONDS,
    STEP_SECONDS: _SECONDS,
    gen_ai.RUN_WITH_AGENTS_SECONDS: _SECONDS,
    gen_ai.AGENT_SECONDS: _SECONDS,
    gen_ai.TOOL_SECONDS: _SECONDS,
    gen_ai.MODEL_SECONDS: _MODEL_SECONDS,
    gen_ai.MODEL_FIRST_SECONDS: _MODEL_SECONDS,
    gen_ai.MODEL_TOKENS: _TOKENS,
}

_log = logging.getLogger(__name__)


def worker_runtime(settings: Settings, known: KnownLabels, core_log: logging.Logger) -> Runtime:
    """The runtime for a worker, whose native part logs to `core_log`, with metrics where they are wanted: `prometheus`, else `otlp`.

    What goes to either has only the labels that are `known`: whoever may start runs could make up any number of others.

    Raises:
        WorkerStartRefused: the address to listen on cannot be used.
    """
    logs = _forwarded(core_log)
    if not has_metrics(settings):
        return Runtime(telemetry=TelemetryConfig(logging=logs))
    try:
        # Temporal's own page, which nobody else is told of.
        inner = f"{LOOPBACK}:{find_free_ports(1)[0]}"
        metrics = PrometheusConfig(bind_address=inner, durations_as_seconds=True, histogram_bucket_overrides=_BUCKETS)
        runtime = Runtime(telemetry=TelemetryConfig(logging=logs, metrics=metrics, attach_service_name=False))
        if settings.prometheus is not None:
            serve_page(settings.prometheus, inner, known)
        elif settings.otlp is not None:
            _send(settings.otlp, inner, known)
        return runtime
    except (ValueError, OSError) as error:
        place = f"ADW_PROMETHEUS: {settings.prometheus!r}" if settings.prometheus else f"ADW_OTLP: {settings.otlp!r}"
        raise WorkerStartRefused(f"{place} cannot be used: {error}; give an IP address and a free port.") from error


def _send(endpoint: str, inner: str, known: KnownLabels) -> None:
    # Only for those who use it: gRPC takes half a second to import.
    from advanced_workflow.client.telemetry.collector import send_metrics

    send_metrics(endpoint, inner, known)


def _forwarded(log: logging.Logger) -> LoggingConfig:
    """The native part's log goes where all others go, in their form."""
    forwarding = LogForwardingConfig(
        logger=log,
        append_target_to_name=False,
        prepend_target_on_message=False,
        append_log_fields_to_message=False,
    )
    return LoggingConfig(filter=LoggingConfig.default.filter, forwarding=forwarding)


def has_metrics(settings: Settings) -> bool:
    """Whether somebody gets the worker's metrics."""
    return settings.prometheus is not None or settings.otlp is not None


def metrics_interceptors(settings: Settings) -> list[Interceptor]:
    """The interceptors of a worker with that runtime; none where no metrics are wanted."""
    return [MetricsInterceptor()] if has_metrics(settings) else []


class MetricsInterceptor(Interceptor):
    """Asks runs for their metrics, and counts attempts after the first."""

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        """Tell runs that metrics are wanted; they need no interceptor of their own."""
        input.unsafe_extern_functions.update({METRICS_WANTED: lambda: True})  # pyright: ignore[reportUnknownMemberType]
        return None

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Wrap the activity."""
        return _ActivityInbound(next)


class _ActivityInbound(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> object:
        info = activity.info()
        if info.attempt > 1:
            counter = activity.metric_meter().create_counter(STEP_RETRIED, "Attempts of actions after the first.")
            counter.add(1, {"workflow_type": info.workflow_type or ""})
        return await self.next.execute_activity(input)


@dataclass(frozen=True, slots=True)
class CountedRuns:
    """Gauges of runs: those that wait for people (approvals, and failed steps held for an operator), and those with an `EngineFault`.

    The server counts them, so a worker that starts again, or forgets a run, says the same as all others: take the maximum over the
    workers. The first needs the project's search attribute, the second a server that reports problems.
    """

    client: Client
    runtime: Runtime
    search_attributes: bool
    """Whether the namespace knows the project's."""

    async def watch(self) -> None:
        """Count until cancelled; a server that does not answer is asked again later."""
        create, namespace = self.runtime.metric_meter.create_gauge, {"namespace": self.client.namespace}
        gauges = {FAULTY: create(RUNS_FAULTY, "Runs that no worker can continue (EngineFault), as the server counts.")}
        if self.search_attributes:
            gauges[WAITING] = create(RUNS_WAITING, "Runs that wait for people, as the server counts.")
        while True:
            for query, gauge in gauges.items():
                try:
                    gauge.set((await self.client.count_workflows(query)).count, namespace)
                except RPCError as error:
                    _log.debug("runs cannot be counted by %s: %s", query, error)
            await asyncio.sleep(COUNT_EVERY_SECONDS)
