from __future__ import annotations

import json
import urllib.error
import urllib.request

import pytest

from advanced_workflow.client.ports import LOOPBACK, find_free_ports
from advanced_workflow.client.telemetry.known_labels import KnownLabels
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
