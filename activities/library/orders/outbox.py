"""Messages to customers. They are queued in the database, from which a mail server would take them.

A message cannot be unsent, so the undo queues a correction; a message that was never queued needs none.
"""

from __future__ import annotations

import sqlite3
from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.context import new_id
from advanced_workflow.activities.library.namespaces import orders
from advanced_workflow.activities.library.orders.effects import Answer, Effects
from advanced_workflow.workflows.contract import UndoInput

MESSAGES = Effects("outbox", done="queued", undone="corrected")


class Message(BaseModel):
    """A queued message."""

    message_id: str
    order_id: str
    recipient: str
    body: str


@orders.action
def notify_customer(order_id: str, recipient: Annotated[str, Field(min_length=3)], shipment_id: str) -> Message:
    """Queue the message that the order is on its way."""

    def queue(db: sqlite3.Connection) -> Answer:
        del db
        body = f"Order {order_id} is on its way as parcel {shipment_id}."
        return Message(message_id=new_id("msg"), order_id=order_id, recipient=recipient, body=body).model_dump()

    return Message.model_validate(MESSAGES.apply(order_id, queue))


@orders.action
def correct_notification(step: UndoInput) -> str:
    """Queue a message that the order is not coming after all."""
    return MESSAGES.undo(step, _queue_correction)


def _queue_correction(db: sqlite3.Connection, answer: Answer) -> None:
    wrong = Message.model_validate(answer)
    body = f"We are sorry: order {wrong.order_id} was cancelled, and any payment is on its way back to you."
    right = Message(message_id=new_id("msg"), order_id=wrong.order_id, recipient=wrong.recipient, body=body)
    MESSAGES.record(db, context.idempotency_key(), wrong.order_id, "correction", right.model_dump())
