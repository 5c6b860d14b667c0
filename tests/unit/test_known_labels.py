from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import HistogramDataPoint, Metric, NumberDataPoint

from advanced_workflow.client.ports import LOOPBACK, find_free_ports
from advanced_workflow.client.telemetry.collector import metrics_of
from advanced_workflow.client.telemetry.known_labels import KnownLabels, labels_in
from advanced_workflow.client.telemetry.page import serve_page
from advanced_workflow.workflows.definition.text.load import parse

ORDER = parse("workflow_id: order\nsteps: [{step_id: pay, action: charge, custom_metrics: [total-eur]}]\n").workflow
KNOWN = KnownLabels.of([ORDER], ["charge"])


def test_what_is_known_stays_and_the_rest_is_added_up() -> None:
    page = """\
# HELP temporal_workflow_failed x
# TYPE temporal_workflow_failed counter
temporal_workflow_failed{namespace="n",workflow_type="order"} 2
temporal_workflow_failed{namespace="n",workflow_type="a"} 3
temporal_workflow_failed{namespace="n",workflow_type="b\\"},x"} 4
temporal_workflow_failed{namespace="m",workflow_type="b"} 1.5
temporal_activity{activity_type="charge",workflow_type="AdvancedWorkflow"} 1
temporal_activity{activity_type="made-up",workflow_type="AdvancedWorkflow"} 1
adw_step_ended{step="pay",status="completed"} 1
adw_step_ended{step="s1",status="completed"} 1
adw_step_ended{step="s2",status="completed"} 1
adw_custom_total_eur_bucket{step="pay",le="+Inf"} 1
# TYPE adw_custom_made_up histogram
adw_custom_made_up_bucket{step="pay",le="+Inf"} 1
temporal_num_pollers 5
"""

    assert KNOWN.fold(page).splitlines()[2:] == [
        'temporal_workflow_failed{namespace="n",workflow_type="order"} 2',
        'temporal_workflow_failed{namespace="n",workflow_type="unknown"} 7',
        'temporal_workflow_failed{namespace="m",workflow_type="unknown"} 1.5',
        'temporal_activity{activity_type="charge",workflow_type="AdvancedWorkflow"} 1',
        'temporal_activity{activity_type="unknown",workflow_type="AdvancedWorkflow"} 1',
        'adw_step_ended{step="pay",status="completed"} 1',
        'adw_step_ended{step="unknown",status="completed"} 2',
        'adw_custom_total_eur_bucket{step="pay",le="+Inf"} 1',
        "temporal_num_pollers 5",
    ]


def test_errors_are_told_apart_by_the_types_that_the_platform_or_a_definition_names() -> None:
    pay = "{step_id: pay, action: charge, retry_policy: {non_retryable: [CardDeclined]}, error_handlers: [{on: [Busy], handler: pay2}]}"
    text = f"workflow_id: order\nretry_policy: {{non_retryable: [Gone]}}\nsteps: [{pay}, {{step_id: pay2, action: charge}}]\n"
    known = KnownLabels.of([parse(text).workflow], ["charge"])
    told = ["", "CardDeclined", "Busy", "Gone", "Timeout", "WorkflowFailed", "ModelQuotaExceeded", "McpToolGone"]
    page = "".join(f'ended{{error_type="{one}"}} 1\n' for one in (*told, "order 17 failed", "order 18 failed"))

    assert known.fold(page).splitlines() == [
        *(f'ended{{error_type="{one}"}} 1' for one in told),
        'ended{error_type="unknown"} 2',
    ]


@pytest.mark.parametrize("count", [10, 1000])
def test_the_page_does_not_grow_with_names_that_others_make_up(count: int) -> None:
    page = "".join(
        f'latency_bucket{{workflow_type={json.dumps(f"made up {number}")},le="{le}"}} {number}\n'
        for number in range(count)
        for le in (1, 5, "+Inf")
    )

    assert KNOWN.fold(page).splitlines() == [
        f'latency_bucket{{workflow_type="unknown",le="{le}"}} {count * (count - 1) // 2}' for le in (1, 5, "+Inf")
    ]


def test_the_page_is_served_folded_and_says_when_there_is_none() -> None:
    address, inner = (f"{LOOPBACK}:{port}" for port in find_free_ports(2))
    server = serve_page(address, inner, KNOWN)
    try:
        with pytest.raises(urllib.error.HTTPError, match="503"):
            urllib.request.urlopen(f"http://{address}/metrics", timeout=5)
        with pytest.raises(OSError, match="in use"):
            serve_page(address, inner, KNOWN)
    finally:
        server.shutdown()
        server.server_close()


def test_a_collector_is_sent_what_the_page_says() -> None:
    page = KNOWN.fold("""\
# HELP failed How many
# TYPE failed counter
failed{workflow_type="order"} 2
failed{workflow_type="a"} 3
failed{workflow_type="b"} 4
# TYPE open gauge
open 5
# TYPE latency histogram
latency_bucket{workflow_type="a",le="1"} 1
latency_bucket{workflow_type="a",le="5"} 3
latency_bucket{workflow_type="a",le="+Inf"} 4
latency_sum{workflow_type="a"} 12.5
latency_count{workflow_type="a"} 4
latency_bucket{workflow_type="b",le="1"} 1
latency_bucket{workflow_type="b",le="5"} 1
latency_bucket{workflow_type="b",le="+Inf"} 1
latency_sum{workflow_type="b"} 0.5
latency_count{workflow_type="b"} 1
""")
    [group] = metrics_of(page, 1, 2).resource_metrics
    failed, opened, latency = group.scope_metrics[0].metrics

    assert values(failed) == [
        ({"workflow_type": "order"}, 2),
        ({"workflow_type": "unknown"}, 7),
    ]
    assert (failed.name, failed.description) == ("failed", "How many")
    assert values(opened) == [({}, 5)]
    [point] = latency.data.data_points
    assert isinstance(point, HistogramDataPoint)
    assert (point.attributes, point.count, point.sum) == ({"workflow_type": "unknown"}, 5, 13)
    assert (point.explicit_bounds, point.bucket_counts) == ([1, 5], [2, 2, 1])


def values(metric: Metric) -> list[tuple[Any, float]]:
    return [(one.attributes, one.value) for one in metric.data.data_points if isinstance(one, NumberDataPoint)]


def test_a_label_is_read_as_it_was_written() -> None:
    assert labels_in('a="x\\"y\\\\n\\nz",b="2"') == {"a": 'x"y\\n\nz', "b": "2"}
