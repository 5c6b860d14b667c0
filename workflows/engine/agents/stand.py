"""Where an agent stands: plain data in the cursor of its step, so that it continues in another history."""

from __future__ import annotations

from advanced_workflow.workflows.contract import FinishReason, Json, ModelAnswer, RawMessage, ToolCall
from advanced_workflow.workflows.engine.state.record import AGENT, MESSAGES, Record

Results = dict[str, RawMessage]
"""The messages that answer the open calls, by the calls' numbers."""
_SPENT = ("turn", "tokens", "cost", "calls")
BEFORE = "before"
"""In the cursor of an agent that shares its limits: what was spent of them before it began, and in `used` how often each tool was called."""


class Stand:
    """What is known of an agent that runs: its conversation, what it has spent, and its open calls."""

    def __init__(self, record: Record) -> None:
        """Take up where the record says it stands, or at the beginning."""
        self._record = record
        self._data: dict[str, Json] = record.cursor.setdefault(AGENT, {})

    @property
    def has_begun(self) -> bool:
        """Whether there is a conversation."""
        return MESSAGES in self._data

    def begin(self, instructions: str, first: RawMessage, turn: int) -> None:
        """Begin the conversation; `turn` is how many turns the step took before, where it begins again: each has paths of its own."""
        self._data.update({"instructions": instructions, MESSAGES: [first], "turn": turn, "tokens": 0, "calls": 0})
        before: dict[str, Json] = self._record.cursor.get(BEFORE, {})
        shared = {name: -before[name] for name in ("tokens", "cost") if before.get(name)}
        since = {**({"turn": turn} if turn else {}), **shared}
        if since:
            self._data["since"] = since
        if used := before.get("used"):
            self._data["used"] = dict(used)
        self.show()

    def allow_again(self) -> None:
        """An operator runs the step again: it has all its limits once more, and continues where it stood."""
        self._data["since"] = {name: self._data.get(name, 0) for name in _SPENT}
        for name in ("repairs", "used", "last", "last_asked", "failed"):
            self._data.pop(name, None)
        self.show()

    @property
    def instructions(self) -> str:
        """What the model is told, with the values of the expressions in it."""
        return self._data["instructions"]

    @property
    def messages(self) -> list[RawMessage]:
        """The conversation."""
        return self._data[MESSAGES]

    @property
    def digest(self) -> str:
        """Of the conversation; empty where it was not made yet. Kept, as to make it again takes long where much was said."""
        return self._data.get("digest", "")

    @digest.setter
    def digest(self, digest: str) -> None:
        self._data["digest"] = digest

    @property
    def turn(self) -> int:
        """How often the model has answered."""
        return self._data["turn"]

    @property
    def has_called(self) -> bool:
        """Whether a call of a tool was made."""
        return self._data["calls"] > 0

    @property
    def finish_reason(self) -> FinishReason:
        """Why the model's latest answer ended."""
        return FinishReason(self._data.get("finish", FinishReason.STOP))

    @property
    def last(self) -> str:
        """The limit that was reached, where the model is asked for its answer a last time or was; empty before that."""
        return self._data.get("last", "")

    @last.setter
    def last(self, limit: str) -> None:
        self._data["last"] = limit

    @property
    def last_asked(self) -> bool:
        """Whether the model was asked for its answer a last time."""
        return self._data.get("last_asked", False)

    def spent(self, name: str) -> float:
        """What was spent of `turn`, `tokens`, `cost` or `calls` since the limits were given."""
        since: dict[str, float] = self._data.get("since", {})
        return self._data.get(name, 0) - since.get(name, 0)

    @property
    def is_priced(self) -> bool:
        """Whether the cost of every answer is known."""
        return not self._data.get("unpriced")

    def take(self, answer: ModelAnswer) -> None:
        """Note that a turn began with an answer; its message is added by the conversation."""
        self._data["turn"] += 1
        self.context = answer.usage.input_tokens + answer.usage.output_tokens
        self._data["finish"] = answer.finish_reason.value
        if self.last:
            self._data["last_asked"] = True
        self.spend(answer)

    def spend(self, answer: ModelAnswer) -> None:
        """Note what an answer took."""
        self._data["tokens"] += answer.usage.input_tokens + answer.usage.output_tokens
        if answer.cost is None:
            self._data["unpriced"] = True
        else:
            self._data["cost"] = self._data.get("cost", 0) + answer.cost
        self.show()

    @property
    def context(self) -> int:
        """Tokens of the latest model call, until that led to showing less."""
        return self._data.get("context", 0)

    @context.setter
    def context(self, tokens: int) -> None:
        self._data["context"] = tokens

    @property
    def cleared(self) -> int:
        """Of so many first messages the results of tools are not shown."""
        return self._data.get("cleared", 0)

    @cleared.setter
    def cleared(self, count: int) -> None:
        self._data["cleared"] = count

    @property
    def skipped(self) -> int:
        """So many first messages are not shown, as they were summed up."""
        return self._data.get("skipped", 0)

    @property
    def summary(self) -> str:
        """What stands in their place."""
        return self._data.get("summary", "")

    def sum_up(self, count: int, summary: str) -> None:
        """So many first messages were summed up."""
        self._data.update({"skipped": count, "summary": summary})

    def repair(self) -> int:
        """An answer goes back to the model; gives how often one did, with this one."""
        self._data["repairs"] = self._data.get("repairs", 0) + 1
        return self._data["repairs"]

    @property
    def results(self) -> Results | None:
        """Of the open calls; None where they were not looked at yet."""
        return self._data.get("results")

    def open_calls(self, results: Results) -> Results:
        """The calls of the latest answer are to be made, but for those that have a result; what becomes of the others is added."""
        self._data["results"] = results
        return results

    @property
    def failed(self) -> dict[str, Json]:
        """The errors of the open calls that fail the agent, by the calls' numbers, the first one first. They are not made again before an operator says so."""
        return self._data.get("failed", {})

    def fail_call(self, number: str, error: Json) -> None:
        """An open call failed, and the agent does with it, once the others have ended."""
        self._data.setdefault("failed", {})[number] = error

    def close_calls(self) -> None:
        """All of them have their results."""
        del self._data["results"]

    def count_calls(self, tool: str, count: int) -> None:
        """So many calls of a tool are going to be made."""
        used: dict[str, int] = self._data.setdefault("used", {})
        used[tool] = used.get(tool, 0) + count
        self._data["calls"] += count
        self.show()

    def used(self, tool: str) -> int:
        """How often a tool was called since the limits were given."""
        return self.all_used.get(tool, 0)

    @property
    def all_used(self) -> dict[str, int]:
        """How often each tool was called since then."""
        return self._data.get("used", {})

    def show(self) -> None:
        """Show what was spent beside the step's output."""
        shown: dict[str, Json] = {"turns": self.turn, "tool_calls": self._data["calls"], "tokens": self._data["tokens"]}
        if "cost" in self._data:
            shown["cost"] = round(self._data["cost"], 6)
        if self.last:
            shown["limit"] = self.last
        self._record.notes["agent"] = shown


def calls_of(message: RawMessage) -> list[ToolCall]:
    """The calls that an answer asks for."""
    return [ToolCall.model_validate(one) for one in message.get("tool_calls", ())]
