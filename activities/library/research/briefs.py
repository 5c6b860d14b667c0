"""Briefs: what was found is judged before anybody writes, published once, and handed out to readers."""

from __future__ import annotations

import json
import sqlite3
from typing import Annotated

from pydantic import BaseModel, Field

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.library.ledger import Data, take_effect, undo_effect
from advanced_workflow.activities.library.namespaces import research
from advanced_workflow.activities.library.research.sources import build
from advanced_workflow.workflows.contract import UndoInput

BRIEF = "brief"
HAND_OUT = "hand_out"
Text = Annotated[str, Field(min_length=1, max_length=10_000)]


class Findings(BaseModel):
    """What may be written about, and where it stands."""

    text: str
    sources: list[str]


class Brief(BaseModel):
    """What is published."""

    brief_id: str
    title: str
    text: str
    sources: list[str]


class FindingsInsufficient(ActionError):
    """Nothing should be written about it; trying again does not help."""

    def __init__(self, why: str) -> None:
        """Say what is missing."""
        super().__init__(f"the findings are not enough for a brief: {why}", retryable=False)


class NothingPublished(ActionError):
    """This run has published no brief; trying again does not help."""

    def __init__(self) -> None:
        """Say what was looked for."""
        super().__init__("this run has published no brief", retryable=False)


class UnknownReader(ActionError):
    """Nobody of that name reads briefs; trying again does not help."""

    def __init__(self, name: str) -> None:
        """Name them."""
        super().__init__(f"there is no reader {name[:80]!r}", retryable=False)


@research.action
def judge_findings(
    answer: Text, outcome: str, sources: list[str], figure: Text, year: int, source: str, not_before: int
) -> Findings:
    """Judge whether the notes answered the question, and whether the figure is from a year that is late enough.

    `answer`, `outcome` and `sources` are what the notes gave, `figure`, `year` and `source` what the figure's worker did.
    """
    if outcome != "answered":
        raise FindingsInsufficient("the notes do not answer the question")
    if year < not_before:
        raise FindingsInsufficient(f"the figure of {source!r} is from {year}, before {not_before}")
    return Findings(text=f"{answer} {figure}", sources=[*dict.fromkeys([*sources, source])])


@research.action
def publish_brief(title: Text, text: Text, sources: Annotated[list[str], Field(min_length=1)]) -> Brief:
    """Publish a brief, with the sources that it stands on. People must approve it."""
    brief = Brief(brief_id=context.new_id("brief"), title=title, text=text, sources=sources)
    return Brief.model_validate(take_effect(BRIEF, brief.model_dump()))


@research.action
def withdraw_brief(step: UndoInput) -> bool:
    """Take a brief back; false where none was published."""
    return undo_effect(BRIEF, step)


@research.action
def hand_out(readers: Annotated[list[str], Field(min_length=1)]) -> Brief:
    """Hand the brief that this run has published out to its readers: what was published the ledger says, not the one who did it."""
    run = context.idempotency_key().rpartition(":")[0]

    def hand(db: sqlite3.Connection) -> Data:
        build(db)
        query = """
            SELECT data FROM effects WHERE kind = ? AND state = 'done' AND instr(idempotency_key, ? || ':') = 1
            ORDER BY rowid DESC
        """
        row = db.execute(query, (BRIEF, run)).fetchone()
        if row is None:
            raise NothingPublished
        for name in readers:
            if db.execute("SELECT 1 FROM research_readers WHERE name = ?", (name,)).fetchone() is None:
                raise UnknownReader(name)
        return {**json.loads(row["data"]), "readers": readers}

    return Brief.model_validate(take_effect(HAND_OUT, hand))


@research.action
def call_back(step: UndoInput) -> bool:
    """Ask the readers to throw a brief away; false where none was handed out."""
    return undo_effect(HAND_OUT, step)
