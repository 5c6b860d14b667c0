"""Actions of the library's account vending machine, on an organisation of units and accounts in the ledger's file."""

from advanced_workflow.activities.library.organisation.accounts import (
    close_account,
    describe_account,
    move_account,
    move_account_back,
    order_account,
)
from advanced_workflow.activities.library.organisation.stacks import delete_stack, deploy_stack
from advanced_workflow.activities.library.organisation.units import create_unit, delete_unit, find_unit

__all__ = [
    "close_account",
    "create_unit",
    "delete_stack",
    "delete_unit",
    "deploy_stack",
    "describe_account",
    "find_unit",
    "move_account",
    "move_account_back",
    "order_account",
]
