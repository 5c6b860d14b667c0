"""Drafts: what agents make is kept in the ledger, and handed on by its id, so that only what was saved can be published."""

from __future__ import annotations

import json

from pydantic import BaseModel

from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import take_effect, transaction

DRAFT = "draft"


class Draft(BaseModel):
    """What an agent made."""

    draft_id: str
    content: str


class UnknownDraft(ActionError):
    """There is no such draft, or it was thrown away; trying again does not help."""

    def __init__(self, draft_id: str) -> None:
        """Name it."""
        super().__init__(f"there is no draft {draft_id[:80]!r}; name one that a tool has given", retryable=False)


def keep_draft(content: str) -> Draft:
    """Keep what this step made, or give what its first attempt made."""
    return Draft.model_validate(take_effect(DRAFT, Draft(draft_id=new_id("draft"), content=content).model_dump()))


def content_of(draft_id: str) -> str:
    """Read a draft; raises `UnknownDraft`."""
    query = "SELECT data FROM effects WHERE kind = ? AND state = 'done' AND json_extract(data, '$.draft_id') = ?"
    with transaction() as db:
        row = db.execute(query, (DRAFT, draft_id)).fetchone()
    if row is None:
        raise UnknownDraft(draft_id)
    return json.loads(row["data"])["content"]
