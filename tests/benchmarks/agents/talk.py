"""What the agent of every side is told, what its model says and what its tools give: nothing but the standard library, as all sides import it."""

from __future__ import annotations

import re
from dataclasses import dataclass

INSTRUCTIONS = (
    "You are the first responder of an operations team. Look with the read-only tools before you propose anything. "
    "Quote figures exactly as the tools give them, and never guess the name of a service. "
    "Propose one remedy, with the figures that speak for it, and say what would speak against it."
)
TOOLS = {
    "search_logs": "Search the logs of all services for lines that contain the text.",
    "read_metric": "Read one metric as a series of five-minute means.",
    "list_deploys": "List what was deployed, newest first.",
}
PARAMETERS = {
    "type": "object",
    "properties": {"query": {"type": "string"}, "size": {"type": "integer"}},
    "required": ["query", "size"],
}
TALKS = (
    "Turn {turn}: the last figures do not explain the rise yet; I look at the next source before I conclude anything."
)
ANSWER = "The connection pool is exhausted since 14:05: 20 of 20 connections are taken and 131 requests wait. Double the pool."
_ASKED = re.compile(r"in (\d+) turns, with (\d+) characters a result")
_LINE = "checkout p99=8214ms pool=20/20 waiting=131 errors=7 at 14:05; "


@dataclass(frozen=True)
class Task:
    """So many turns, each with one call of a tool, then the answer."""

    turns: int
    size: int
    """Characters of a tool's result."""

    @property
    def question(self) -> str:
        return f"Checkout is slow. Find out why in {self.turns} turns, with {self.size} characters a result, and propose one remedy."

    @staticmethod
    def of(question: str) -> Task:
        """The task that a question tells."""
        asked = _ASKED.search(question)
        assert asked is not None
        return Task(int(asked[1]), int(asked[2]))


@dataclass(frozen=True)
class Said:
    """What the model says: it calls `tool`, or it is done."""

    text: str
    tool: str = ""
    query: str = ""
    size: int = 0
    call_id: str = ""
    tokens: tuple[int, int] = (0, 0)
    """Taken and given."""

    @property
    def arguments(self) -> dict[str, str | int]:
        return {"query": self.query, "size": self.size}


def says(question: str, answered: int) -> Said:
    """The model's next answer, after so many: it depends on the conversation alone."""
    task = Task.of(question)
    if answered >= task.turns:
        return Said(ANSWER, tokens=(500 * answered, 30))
    tool = list(TOOLS)[answered % len(TOOLS)]
    query = f"checkout latency by source, part {answered}"
    return Said(TALKS.format(turn=answered), tool, query, task.size, f"call_{answered:024}", (500 * answered, 40))


def finds(size: int) -> str:
    """What a tool gives."""
    return (_LINE * (size // len(_LINE) + 1))[:size]
