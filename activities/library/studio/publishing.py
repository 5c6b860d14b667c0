"""Publishing content, and clearing up when there is nothing to publish."""

from __future__ import annotations

from pydantic import BaseModel

from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.library.ledger import take_effect, undo_effect
from advanced_workflow.activities.library.namespaces import studio
from advanced_workflow.activities.library.studio.drafts import DRAFT, content_of
from advanced_workflow.workflows.contract import UndoInput

PUBLICATION = "publication"


class Publication(BaseModel):
    """Content that readers see."""

    publication_id: str
    text: str
    image: str


@studio.action
def publish_content(text_draft: str, image_draft: str) -> Publication:
    """Publish a text with its image; both must be drafts that are kept."""
    text, image = content_of(text_draft), content_of(image_draft)
    published = Publication(publication_id=new_id("pub"), text=text, image=image)
    return Publication.model_validate(take_effect(PUBLICATION, published.model_dump()))


@studio.action
def withdraw_content(step: UndoInput) -> bool:
    """Take a publication back; false where there was none."""
    return undo_effect(PUBLICATION, step)


@studio.action
def discard_draft(step: UndoInput) -> bool:
    """Throw a draft away; false where there was none."""
    return undo_effect(DRAFT, step)
