"""What an illustrator draws with: a title card, a small SVG picture with a caption."""

from __future__ import annotations

from html import escape
from typing import Annotated

from pydantic import Field

from advanced_workflow.activities.library.namespaces import studio
from advanced_workflow.activities.library.studio.drafts import Draft, keep_draft

CAPTION_LENGTH = 60


@studio.action
def draw_card(caption: Annotated[str, Field(min_length=1)]) -> Draft:
    """Draw a title card, a picture that says the caption, and keep it as a draft."""
    return keep_draft(_card(caption))


def _card(caption: str) -> str:
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 360" role="img">'
        f"<title>{escape(caption[:CAPTION_LENGTH])}</title>"
        '<rect width="640" height="360" fill="#eef"/>'
        f'<text x="320" y="180" text-anchor="middle">{escape(caption[:CAPTION_LENGTH])}</text></svg>'
    )
