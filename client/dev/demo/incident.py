"""The demo's incident: what an agent asks to change, and what the ledger must contain of it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

DEFINITION = "incident-triage"
AGENT = "triage"
RUN_ID = "incident-C-7"
SERVICE = "checkout"
INPUT: JsonValue = {"service": SERVICE, "symptom": "Every third order is refused since ten o'clock."}
_CHANGES = (
    "SELECT kind, state FROM effects WHERE state != 'void' AND kind IN ('deploy', 'feature_switch') ORDER BY rowid"
)


@dataclass(frozen=True, slots=True)
class Change:
    """What was done to the service, by the ledger."""

    kind: str
    """`deploy` or `feature_switch`."""
    state: str
    """`done` or `undone`."""


def call_text(subject: JsonValue) -> str:
    """`deploy_version(service=checkout, version=2.3.9)`: what is asked, as people read it."""
    if not isinstance(subject, dict):
        return json.dumps(subject)
    arguments = subject.get("arguments")
    given = arguments.items() if isinstance(arguments, dict) else ()
    said = ", ".join(f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in given)
    return f"{subject.get('tool')}({said})"


def changes_of(ledger: Path) -> list[Change]:
    """What was done to services so far, oldest first; nothing before the ledger was made."""
    if not ledger.exists():
        return []
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=10)) as db:
        return [Change(*row) for row in db.execute(_CHANGES)]


def changes_text(made: Sequence[Change]) -> str:
    """`1 feature_switch done`; `-` for none."""
    return ", ".join(f"1 {one.kind} {one.state}" for one in made) or "-"


def unkept(made: Sequence[Change], approved: int, *, completed: bool) -> list[str]:
    """What the ledger should hold and does not, as sentences: what was approved and nothing else, undone where the run failed."""
    wanted = "done" if completed else "undone"
    found = [f"{RUN_ID}: a change is {one.state} and must be {wanted}." for one in made if one.state != wanted]
    if len(made) != approved:
        found.insert(0, f"{RUN_ID}: {approved} changes were approved and {len(made)} were made.")
    return found
