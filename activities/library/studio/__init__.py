"""Actions of the library's content studio: the tools of its agents, and publishing."""

from advanced_workflow.activities.library.studio.evaluation import measure_content
from advanced_workflow.activities.library.studio.image import draw_card
from advanced_workflow.activities.library.studio.publishing import discard_draft, publish_content, withdraw_content
from advanced_workflow.activities.library.studio.text import edit_text, save_text

__all__ = [
    "discard_draft",
    "draw_card",
    "edit_text",
    "measure_content",
    "publish_content",
    "save_text",
    "withdraw_content",
]
