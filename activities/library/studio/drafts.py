"""Drafts: what an agent makes is kept in the ledger, so that an agent that is asked twice works once."""

from __future__ import annotations

from pydantic import BaseModel

from advanced_workflow.activities.library.ledger import take_effect

DRAFT = "draft"


class Draft(BaseModel):
    """What an agent made."""

    content: str


def keep_draft(made: str) -> Draft:
    """Keep what this step made, or give what its first attempt made."""
    return Draft.model_validate(take_effect(DRAFT, {"content": made}))
