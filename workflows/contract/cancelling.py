"""Who cancels a run, and why: Temporal's request to cancel carries one text, which says both."""

from __future__ import annotations

import re

from advanced_workflow.workflows.plain.text import for_people

_SAID = re.compile(r"(?:Cancel requested by workflow with run id \S+ with reason: )*\[by ([^\]]+)\] ?(.*)", re.DOTALL)
"""The SDK puts a sentence before it where another run asks for it."""
MOST_BY, MOST_REASON = 200, 2_000
"""Characters of who and why that are kept."""
CANCEL_OPERATION = "cancel"
"""What it is called in the audit trail."""
NOBODY = "unknown"
"""Who cancelled a run where nobody says it: a client that is not ours."""


def cancel_reason(by: str, reason: str) -> str:
    """The text to send."""
    return f"[by {by.replace(']', ')')}] {reason}".rstrip()


def read_cancel_reason(text: str) -> tuple[str, str]:
    """Who and why, of whatever any client sent."""
    said = _SAID.fullmatch(text)
    by, reason = said.groups() if said else (NOBODY, text)
    return for_people(by, MOST_BY), for_people(reason, MOST_REASON)
