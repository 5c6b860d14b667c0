"""A provider that takes effect and answers too late."""

from __future__ import annotations

import time

from advanced_workflow.activities.action import context

ANSWER_SECONDS = 10.0
"""How long its answer takes: longer than the steps of the library wait."""


def answer_late() -> None:
    """Keep the attempt waiting; it is given up as soon as nobody waits for it any more."""
    end = time.monotonic() + ANSWER_SECONDS
    while time.monotonic() < end and not context.cancelled():
        time.sleep(0.05)
