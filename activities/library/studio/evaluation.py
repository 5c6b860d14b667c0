"""The evaluator: measures a text and its image, and says what is to be changed."""

from __future__ import annotations

from html import unescape
from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.library.namespaces import studio
from advanced_workflow.activities.library.studio.image import CAPTION_LENGTH


class Evaluation(BaseModel):
    """What is wrong with the content; nothing when it needs no refinement."""

    needs_refinement: bool
    missing: list[str]
    """Terms the text does not mention yet."""
    words_too_many: int
    caption: str
    """What the image should say."""
    image_differs: bool
    """Whether it says something else."""


@studio.action
def evaluate_content(
    text: str, image: str, must_mention: list[str], max_words: Annotated[int, Field(ge=1)]
) -> Evaluation:
    """See whether the text mentions what it must, in few enough words, and the image shows its last sentence."""
    missing = [term for term in must_mention if term.lower() not in text.lower()]
    words_too_many = max(0, len(text.split()) - max_words)
    caption = text.rstrip(".").rpartition(". ")[2][:CAPTION_LENGTH]
    image_differs = _title(image).rstrip(".") != caption
    return Evaluation(
        needs_refinement=bool(missing or words_too_many or image_differs),
        missing=missing,
        words_too_many=words_too_many,
        caption=caption,
        image_differs=image_differs,
    )


def _title(image: str) -> str:
    return unescape(image.partition("<title>")[2].partition("</title>")[0])
