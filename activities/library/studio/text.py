"""What a writer and an editor work with: a text is saved, and changed."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from advanced_workflow.activities.library.namespaces import studio
from advanced_workflow.activities.library.studio.drafts import Draft, content_of, keep_draft


@studio.action
def save_text(text: Annotated[str, Field(min_length=1)]) -> Draft:
    """Keep a text as a draft."""
    return keep_draft(text)


@studio.action
def edit_text(text_draft: str, add: str = "", leave_out_words: Annotated[int, Field(ge=0)] = 0) -> Draft:
    """Leave words out at the end of a text, then add sentences; what comes of it is another draft."""
    words = content_of(text_draft).split()
    kept = " ".join(words[: len(words) - leave_out_words]).rstrip(".")
    return keep_draft(f"{kept}. {add}".strip())
