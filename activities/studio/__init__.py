"""Actions of the library's content studio: a writer, an illustrator, an evaluator and two refiners, and publishing."""

from activities.studio.evaluation import evaluate_content
from activities.studio.image import generate_image, refine_image
from activities.studio.publishing import discard_draft, publish_content, withdraw_content
from activities.studio.text import generate_text, refine_text

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
