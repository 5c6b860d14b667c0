"""How the servers of tests are set where a test is about runs and not about the server: most of its work is spared."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from advanced_workflow.client.dev.server_settings import PROMPT

SPARING: Mapping[str, str] = {
    **PROMPT,
    # Each test has a queue of its own, which one or two workers poll: by default each queue has four parts, which are
    # loaded, kept and asked one by one.
    "matching.numTaskqueueReadPartitions": "1",
    "matching.numTaskqueueWritePartitions": "1",
}
"""Dynamic configuration: setting -> JSON value."""
POLLS: Mapping[str, Any] = {"max_concurrent_workflow_task_polls": 2, "max_concurrent_activity_task_polls": 1}
"""How often at once a worker asks for work; by default five times for each kind, which costs a test more than its runs."""
