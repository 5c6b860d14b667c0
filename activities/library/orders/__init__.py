"""Actions of the library's order fulfilment, on a real database: each takes effect once per step, and can be undone."""

from advanced_workflow.activities.library.orders.invoices import issue_invoice, void_invoice
from advanced_workflow.activities.library.orders.outbox import correct_notification, notify_customer
from advanced_workflow.activities.library.orders.payments import charge_card, refund_payment
from advanced_workflow.activities.library.orders.shipping import cancel_shipment, create_shipment
from advanced_workflow.activities.library.orders.stock import release_stock, reserve_stock

__all__ = [
    "cancel_shipment",
    "charge_card",
    "correct_notification",
    "create_shipment",
    "issue_invoice",
    "notify_customer",
    "refund_payment",
    "release_stock",
    "reserve_stock",
    "void_invoice",
]
