"""Actions of the library's money transfer, on accounts in the ledger: once per step, and they can be undone."""

from advanced_workflow.activities.library.banking.transfers import (
    check_transfer,
    deposit,
    return_withdrawal,
    take_back_deposit,
    withdraw,
)

__all__ = ["check_transfer", "deposit", "return_withdrawal", "take_back_deposit", "withdraw"]
