"""The measure of a text and its image, and what is to be changed."""

from __future__ import annotations

from html import unescape
from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.library.namespaces import studio
from advanced_workflow.activities.library.studio.drafts import content_of
from advanced_workflow.activities.library.studio.image import CAPTION_LENGTH


class Measures(BaseModel):
    """What is wrong with the content; nothing when it is good."""

    missing: list[str]
    """Terms the text does not mention yet."""
    words_too_many: int
    caption: str
    """What the image should say."""
    image_differs: bool
    """Whether it says something else."""


@studio.action
def measure_content(
    text_draft: str, image_draft: str, must_mention: list[str], max_words: Annotated[int, Field(ge=1)]
) -> Measures:
    """Measure whether the text mentions what it must, in few enough words, and the image shows its last sentence."""
    text, image = content_of(text_draft), content_of(image_draft)
    caption = text.rstrip(".").rpartition(". ")[2][:CAPTION_LENGTH]
    return Measures(
        missing=[term for term in must_mention if term.lower() not in text.lower()],
        words_too_many=max(0, len(text.split()) - max_words),
        caption=caption,
        image_differs=_title(image).rstrip(".") != caption,
    )


def _title(image: str) -> str:
    return unescape(image.partition("<title>")[2].partition("</title>")[0])
