"""How a model call fails, and whether it is tried again."""

from __future__ import annotations

from datetime import timedelta

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.workflows.contract import ModelFailure
from advanced_workflow.workflows.plain.text import for_people

_TRIED_AGAIN = frozenset(
    {
        ModelFailure.UNAVAILABLE,
        ModelFailure.RATE_LIMITED,
        ModelFailure.ANSWER_INVALID,
        ModelFailure.CONVERSATION_UNAVAILABLE,
    }
)
_LONGEST = 1_000
"""Characters of a sentence; a provider's own may be a page."""


class ModelError(ActionError):
    """A model call that failed. Its type says whether another attempt can help."""

    def __init__(
        self, kind: ModelFailure, message: str, *, delay: timedelta | None = None, final: bool = False
    ) -> None:
        """`delay` is how long the provider asks to be left alone; `final` where this failure is, though its type is not."""
        super().__init__(for_people(message, _LONGEST), type=kind.value, retryable=kind in _TRIED_AGAIN and not final)
        self.kind = kind
        self._next_retry_delay = delay
