"""Metrics for an OpenTelemetry collector: what Prometheus would scrape, with the labels that the worker knows, sent every few seconds."""

from __future__ import annotations

import logging
import re
import threading
import time
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from advanced_workflow.client.process_exit import before_exit
from advanced_workflow.client.telemetry.known_labels import SAMPLE, KnownLabels, labels_in
from advanced_workflow.client.telemetry.tracing import DEFAULT_SERVICE, EXPORT_SECONDS

SEND_EVERY_SECONDS = 5
_READ_SECONDS = 10
_PART = re.compile(r"(?P<name>.+)_(?P<part>bucket|sum|count)")

_log = logging.getLogger(__name__)

Labels = tuple[tuple[str, str], ...]


def send_metrics(endpoint: str, inner: str, known: KnownLabels) -> None:
    """Send the page of `inner` to the collector from now on, in a thread of its own, and once more when the process ends."""
    exporter: Any = OTLPMetricExporter(endpoint=endpoint, timeout=EXPORT_SECONDS)  # Its methods have no types.
    started = time.time_ns()

    def send() -> None:
        try:
            with urllib.request.urlopen(f"http://{inner}/metrics", timeout=_READ_SECONDS) as answer:
                page = known.fold(answer.read().decode())
            exporter.export(metrics_of(page, started, time.time_ns()))
        except OSError as error:
            _log.debug("metrics cannot be read: %s", error)

    def send_for_ever() -> None:
        while True:
            time.sleep(SEND_EVERY_SECONDS)
            send()

    before_exit(send)
    threading.Thread(target=send_for_ever, name="metrics", daemon=True).start()


@dataclass
class _Histogram:
    """One series of a page: how many values up to each bound, all together, and their sum."""

    up_to: dict[float, int] = field(default_factory=dict[float, int])
    sum: float = 0

    def point(self, labels: Labels, started: int, now: int) -> HistogramDataPoint:
        bounds = sorted(self.up_to)
        counts = [self.up_to[bound] for bound in bounds]
        each = [count - before for count, before in zip(counts, [0, *counts], strict=False)]
        unknown: Any = None  # The least and the greatest value: a page does not say them.
        count = counts[-1] if counts else 0
        return HistogramDataPoint(dict(labels), started, now, count, self.sum, each, bounds[:-1], unknown, unknown)


def metrics_of(page: str, started: int, now: int) -> MetricsData:
    """A page in the text format of Prometheus as OpenTelemetry has it: values since `started`, in nanoseconds."""
    kinds: dict[str, str] = {}
    helps: dict[str, str] = {}
    numbers: dict[str, list[NumberDataPoint]] = {}
    histograms: dict[str, dict[Labels, _Histogram]] = {}
    for line in page.splitlines():
        if line.startswith("# "):
            _, what, name, *rest = line.split(" ", 3)
            (kinds if what == "TYPE" else helps)[name] = "".join(rest)
        elif (found := SAMPLE.fullmatch(line)) is not None:
            name, labels, value = found["name"], labels_in(found["labels"] or ""), float(found["value"])
            part = _PART.fullmatch(name)
            if part is not None and kinds.get(part["name"]) == "histogram":
                _add(histograms.setdefault(part["name"], {}), part["part"], labels, value)
            else:
                numbers.setdefault(name, []).append(NumberDataPoint(labels, started, now, value))
    metrics = [Metric(name, helps.get(name), "", _data(kinds.get(name), points)) for name, points in numbers.items()]
    for name, series in histograms.items():
        points = [one.point(labels, started, now) for labels, one in series.items()]
        metrics.append(Metric(name, helps.get(name), "", Histogram(points, AggregationTemporality.CUMULATIVE)))
    return _together(metrics)


def _add(series: dict[Labels, _Histogram], part: str, labels: Mapping[str, str], value: float) -> None:
    one = series.setdefault(tuple(sorted((name, text) for name, text in labels.items() if name != "le")), _Histogram())
    if part == "bucket":
        one.up_to[float(labels["le"])] = int(value)
    elif part == "sum":
        one.sum = value


def _data(kind: str | None, points: list[NumberDataPoint]) -> Sum | Gauge:
    return Sum(points, AggregationTemporality.CUMULATIVE, is_monotonic=True) if kind == "counter" else Gauge(points)


def _together(metrics: Iterable[Metric]) -> MetricsData:
    resource = Resource.create({SERVICE_NAME: DEFAULT_SERVICE}).merge(OTELResourceDetector().detect())
    scope = ScopeMetrics(InstrumentationScope("advanced_workflow"), list(metrics), "")
    return MetricsData([ResourceMetrics(resource, [scope], "")])
