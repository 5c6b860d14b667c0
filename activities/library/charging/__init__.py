"""Actions of the library's charging stations, on slots and sessions in the ledger; all but announcing can be undone."""

from advanced_workflow.activities.library.charging.reports import (
    announce,
    close_ticket,
    open_ticket,
    reset_light,
    set_light,
)
from advanced_workflow.activities.library.charging.sessions import (
    end_session,
    find_session,
    pay_session,
    record_debt,
    refund_session,
    resume_session,
    start_session,
    strike_debt,
    withdraw_session,
)
from advanced_workflow.activities.library.charging.slots import (
    acquire_slot,
    free_slot,
    lock_slot,
    release_slot,
    retake_slot,
    unlock_slot,
)

__all__ = [
    "acquire_slot",
    "announce",
    "close_ticket",
    "end_session",
    "find_session",
    "free_slot",
    "lock_slot",
    "open_ticket",
    "pay_session",
    "record_debt",
    "refund_session",
    "release_slot",
    "reset_light",
    "resume_session",
    "retake_slot",
    "set_light",
    "start_session",
    "strike_debt",
    "unlock_slot",
    "withdraw_session",
]
