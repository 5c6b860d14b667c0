"""Issuing an invoice, and voiding it."""

from __future__ import annotations

import sqlite3
from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.library.namespaces import orders
from advanced_workflow.activities.library.orders.effects import Answer, Effects, keep
from advanced_workflow.workflows.contract import UndoInput

INVOICES = Effects("invoices", done="issued", undone="voided")


class Invoice(BaseModel):
    """An issued invoice. Numbers have no gaps: a voided invoice keeps its number."""

    number: int
    amount_cents: int


@orders.action
def issue_invoice(order_id: str, amount_cents: Annotated[int, Field(ge=0)]) -> Invoice:
    """Issue the next invoice."""

    def issue(db: sqlite3.Connection) -> Answer:
        issued: int = db.execute("SELECT COUNT(*) FROM invoices WHERE state != 'void'").fetchone()[0]
        return Invoice(number=1001 + issued, amount_cents=amount_cents).model_dump()

    return Invoice.model_validate(INVOICES.apply(order_id, issue))


@orders.action
def void_invoice(step: UndoInput) -> str:
    """Void an issued invoice."""
    return INVOICES.undo(step, keep)
