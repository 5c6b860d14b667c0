"""Actions of the library's researchers: notes and figures to look at, and briefs that are published."""

from advanced_workflow.activities.library.research.briefs import (
    call_back,
    hand_out,
    judge_findings,
    publish_brief,
    withdraw_brief,
)
from advanced_workflow.activities.library.research.notes import read_note, search_notes
from advanced_workflow.activities.library.research.sources import cancel_order, order_document, read_gauge

__all__ = [
    "call_back",
    "cancel_order",
    "hand_out",
    "judge_findings",
    "order_document",
    "publish_brief",
    "read_gauge",
    "read_note",
    "search_notes",
    "withdraw_brief",
]
