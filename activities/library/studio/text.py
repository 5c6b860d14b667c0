"""The text agents: rules in the place of models, so that a run comes out the same every time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.namespaces import studio
from advanced_workflow.activities.library.studio.drafts import Draft, keep_draft

REFUSED_WORD = "counterfeit"


class ContentRefused(ActionError):
    """The agent does not write about that; trying again does not help."""

    def __init__(self) -> None:
        """Say no more than an agent would."""
        super().__init__("the agent refuses this prompt", retryable=False)


@studio.action
def generate_text(prompt: Annotated[str, Field(min_length=1)]) -> Draft:
    """Write a first text about the prompt."""
    if REFUSED_WORD in prompt.lower():
        raise ContentRefused
    return keep_draft(f"{prompt.strip().rstrip('.').capitalize()}.")


@studio.action
def refine_text(text: str, missing: list[str], words_too_many: Annotated[int, Field(ge=0)]) -> Draft:
    """Follow the feedback: work in the first missing term, or leave out as many words as are too many."""
    if missing:
        return keep_draft(f"{text} More about {missing[0]}.")
    words = text.split()
    return keep_draft(f"{' '.join(words[: len(words) - words_too_many]).rstrip('.')}.")
