"""An effect happens once per idempotency key, and is undone once: the same rules for every table of the order database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.orders.database import transaction
from advanced_workflow.workflows.contract import UndoInput

Answer = dict[str, Any]
"""What an action returned: a JSON object."""

VOID = "void"


@dataclass(frozen=True, slots=True)
class Effects:
    """One table of effects: the state of a row that holds, and that of one that was undone."""

    table: Literal["reservations", "payments", "shipments", "invoices", "outbox"]
    done: str
    undone: str

    def apply(self, order_id: str, effect: Callable[[sqlite3.Connection], Answer]) -> Answer:
        """Take effect, or give the answer of the attempt that did.

        Raises `ActionError` of type `StepUndone` when the step was undone before: a straggling attempt must not take effect.
        """
        key = context.idempotency_key()
        with transaction() as db:
            first = self._find(db, key)
            if first is None:
                answer = effect(db)
                self.record(db, key, order_id, self.done, answer)
                return answer
        if first["state"] != self.done:
            raise ActionError(
                f"{self.table}: the step was undone before this attempt", type="StepUndone", retryable=False
            )
        context.log.info("the effect had happened in an earlier attempt")
        return json.loads(first["answer"])

    def undo(self, step: UndoInput, reverse: Callable[[sqlite3.Connection, Answer], None]) -> str:
        """Reverse the step's effect once and give the row's state.

        Where there is none, leaves a row in state `void`, which stops an attempt that is still under way somewhere.
        """
        with transaction() as db:
            row = self._find(db, step.idempotency_key)
            if row is None:
                self.record(db, step.idempotency_key, _order_of(step), VOID, {})
                return VOID
            if row["state"] == self.done:
                reverse(db, json.loads(row["answer"]))
                db.execute(
                    f"UPDATE {self.table} SET state = ? WHERE idempotency_key = ?",  # noqa: S608 - one of five names
                    (self.undone, step.idempotency_key),
                )
                return self.undone
            return str(row["state"])

    def record(self, db: sqlite3.Connection, key: str, order_id: str, state: str, answer: Answer) -> None:
        """Write a row inside the caller's transaction."""
        db.execute(
            f"INSERT INTO {self.table} (idempotency_key, order_id, state, answer) VALUES (?, ?, ?, ?)",  # noqa: S608
            (key, order_id, state, json.dumps(answer)),
        )

    def _find(self, db: sqlite3.Connection, key: str) -> sqlite3.Row | None:
        query = f"SELECT state, answer FROM {self.table} WHERE idempotency_key = ?"  # noqa: S608 - one of five names
        return db.execute(query, (key,)).fetchone()


def keep(db: sqlite3.Connection, answer: Answer) -> None:
    """Reverse nothing in the database: the row's new state says it all."""
    del db, answer


def _order_of(step: UndoInput) -> str:
    given = cast("dict[str, object]", step.input) if isinstance(step.input, dict) else {}
    return str(given.get("order_id", ""))
