"""Actions of the library's content studio: a writer, an illustrator, an evaluator and two refiners, and publishing."""

from advanced_workflow.activities.library.studio.evaluation import evaluate_content
from advanced_workflow.activities.library.studio.image import generate_image, refine_image
from advanced_workflow.activities.library.studio.publishing import discard_draft, publish_content, withdraw_content
from advanced_workflow.activities.library.studio.text import generate_text, refine_text

__all__ = [
    "discard_draft",
    "evaluate_content",
    "generate_image",
    "generate_text",
    "publish_content",
    "refine_image",
    "refine_text",
    "withdraw_content",
]
