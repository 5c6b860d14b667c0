"""Notices to people. They go to the ledger, from which a mail or SMS gateway would take them.

A notice cannot be unsent, so the undo sends a correction; a notice that was never sent needs none.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import take_effect, undo_effect
from advanced_workflow.activities.library.namespaces import notices
from advanced_workflow.workflows.contract import UndoInput

NOTICE = "notice"
CORRECTION = "correction"
_CARD_SHAPED = re.compile(r"\d(?:[ -]?\d){12,18}")


class Notice(BaseModel):
    """A notice on its way."""

    notice_id: str
    recipient: str
    subject: str
    text: str


class UnsafeNotice(ActionError):
    """The notice holds what must not leave the house."""

    def __init__(self) -> None:
        """Say what, without repeating it."""
        super().__init__("the notice holds what looks like a payment card's number; remove it", retryable=False)


@notices.action
def send_notice(recipient: Annotated[str, Field(min_length=1)], subject: str, text: str) -> Notice:
    """Tell somebody something. A text with a payment card's number is refused."""
    if _holds_card_number(subject) or _holds_card_number(text):
        raise UnsafeNotice
    notice = Notice(notice_id=new_id("ntc"), recipient=recipient, subject=subject, text=text)
    return Notice.model_validate(take_effect(NOTICE, notice.model_dump()))


@notices.action
def correct_notice(step: UndoInput) -> bool:
    """Tell the same person that a notice no longer holds; false where it was never sent."""
    if not undo_effect(NOTICE, step):
        return False
    given = step.input
    correction = Notice(
        notice_id=new_id("ntc"),
        recipient=given["recipient"],
        subject=f"Correction: {given['subject']}",
        text="We are sorry: our earlier notice no longer holds.",
    )
    take_effect(CORRECTION, correction.model_dump())
    return True


def _holds_card_number(text: str) -> bool:
    return any(_has_check_digit(found) for found in _CARD_SHAPED.findall(text))


def _has_check_digit(digits: str) -> bool:
    """Whether the last digit is the check digit card numbers have (Luhn), which few telephone or order numbers have."""
    numbers = [int(one) for one in digits if one.isdigit()]
    doubled = [sum(divmod(2 * one, 10)) for one in numbers[-2::-2]]
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0
