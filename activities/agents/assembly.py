"""An answer taken strictly: whole or not at all.

Libraries make a valid call of arguments that were cut, and say nothing of a stream that ended early. Here an answer that does not say why
it ended is no answer, arguments are the JSON that came and nothing else, and calls of an answer that was cut are never run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from advanced_workflow.activities.agents.failures import ModelError
from advanced_workflow.activities.agents.pieces import CallPiece, Piece
from advanced_workflow.workflows.contract import ChatMessage, FinishReason, Json, ModelFailure, ToolCall, Usage
from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain import foreign_json
from advanced_workflow.workflows.plain.text import encodable, shortened

LARGEST_ANSWER = 1_000_000
"""Characters of text and arguments; what is longer would not fit into a history with the rest of a turn."""
LARGEST_ARGUMENTS = 256 * 1024
"""Characters of the arguments of one call."""
MOST_CALLS = 128
_LONGEST_ID = 200
_SHOWN_ARGUMENTS = 500

_REASONS = {
    FinishReason.STOP: "stop end_turn stop_sequence eos eos_token completed complete finish_reason_stop",
    FinishReason.TOOL_CALLS: "tool_calls tool_use tool_call function_call",
    FinishReason.LENGTH: "length max_tokens max_output_tokens model_length model_context_window_exceeded incomplete",
    FinishReason.CONTENT_FILTER: "content_filter content_filtered safety recitation prohibited_content refusal guardrail_intervened",
}
_BY_NAME = {name: reason for reason, names in _REASONS.items() for name in names.split()}


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])

    def add(self, piece: CallPiece) -> None:
        self.id = self.id or piece.id
        # Some endpoints repeat the name with every part.
        if piece.name != self.name:
            self.name += piece.name
        self.arguments.append(piece.arguments)


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    message: ChatMessage
    finish_reason: FinishReason
    usage: Usage
    model: str


class Assembly:
    """The pieces of one answer, as far as they have come."""

    def __init__(self) -> None:
        """None yet."""
        self.pieces = 0
        """Those with text or arguments: about as many as tokens."""
        self._texts: list[str] = []
        self._calls: dict[int | str, _Call] = {}
        self._size = 0
        self._reason = ""
        self._usage: Usage | None = None
        self._model = ""
        self._raw: Json = None

    def add(self, piece: Piece) -> None:
        """Take one more.

        Raises:
            ModelError: the answer is too large.
        """
        self.pieces += bool(piece.text or piece.calls)
        self._size += len(piece.text) + sum(len(one.arguments) + len(one.name) for one in piece.calls)
        if self._size > LARGEST_ANSWER or len(self._calls) > MOST_CALLS:
            raise _invalid(f"it has more than {LARGEST_ANSWER:,} characters or {MOST_CALLS} calls")
        if piece.text:
            self._texts.append(piece.text)
        for one in piece.calls:
            self._call_of(one).add(one)
        self._reason = piece.finish_reason or self._reason
        self._usage = piece.usage or self._usage
        self._model = piece.model or self._model
        self._raw = self._raw if piece.raw is None else piece.raw

    def ending(self, characters: int) -> str:
        """The last characters of the text so far."""
        found = ""
        for text in reversed(self._texts):
            found = text + found
            if len(found) >= characters:
                break
        return found[-characters:]

    def answer(self, *, calls_allowed: bool = True) -> Answer:
        """The whole answer.

        Raises:
            ModelError: it is not whole.
        """
        reason = self._finish_reason()
        if reason is FinishReason.TOOL_CALLS and not calls_allowed:
            reason = FinishReason.STOP
        calls = [*map(_tool_call, self._calls.values())] if reason is FinishReason.TOOL_CALLS else []
        message = ChatMessage(
            role="assistant",
            content=_joined(self._texts),
            tool_calls=_distinct(calls),
            # Reasoning that leads to calls that are left out must not be shown without them.
            raw=self._raw if len(calls) == len(self._calls) else None,
        )
        return Answer(message, reason, self._usage or self._guessed(), encodable(self._model))

    def _finish_reason(self) -> FinishReason:
        if not self._reason:
            raise _invalid("the stream ended before it said why (no finish_reason)")
        known = _BY_NAME.get(self._reason.lower())
        if known is None and self._calls:
            raise _invalid(f"it has calls and ended for an unknown reason ({shortened(self._reason, 50)!r})")
        if known in (None, FinishReason.STOP, FinishReason.TOOL_CALLS):
            # Which of the two it is providers say in different ways.
            return FinishReason.TOOL_CALLS if self._calls else FinishReason.STOP
        return known

    def _guessed(self) -> Usage:
        """Where the provider does not count; limits hold all the same."""
        return Usage(output_tokens=max(1, self._size // 4), estimated=True)

    def _call_of(self, piece: CallPiece) -> _Call:
        index = piece.index
        if index is None:
            last = len(self._calls) - 1
            begins = last < 0 or (piece.id and piece.id != self._calls[last].id)
            index = last + 1 if begins else last
        return self._calls.setdefault(index, _Call())


def _tool_call(call: _Call) -> ToolCall:
    text = _joined(call.arguments)
    name = encodable(call.name)
    try:
        return ToolCall(id=call.id, name=name, arguments=_arguments(text))
    except DataInvalid as error:
        why = shortened(str(error), _SHOWN_ARGUMENTS)
        return ToolCall(id=call.id, name=name, error=why, text=text[:_SHOWN_ARGUMENTS])


def _joined(parts: list[str]) -> str:
    """The text, also where a stream was divided inside of a character."""
    text = "".join(parts)
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _arguments(text: str) -> dict[str, Json]:
    if len(text) > LARGEST_ARGUMENTS:
        raise DataInvalid(
            f"the arguments have more than {LARGEST_ARGUMENTS:,} characters; pass a reference to what is large."
        )
    if not text.strip():
        return {}
    value: Json = foreign_json.read(text.encode(), "the arguments")
    if not isinstance(value, dict):
        raise DataInvalid("the arguments are not a JSON object.")
    return cast("dict[str, Json]", value)


def _distinct(calls: list[ToolCall]) -> list[ToolCall]:
    """The same calls, each with an id of its own."""
    taken: set[str] = set()
    found: list[ToolCall] = []
    for number, call in enumerate(calls):
        wanted = encodable(call.id)
        usable = bool(wanted) and len(wanted) <= _LONGEST_ID and wanted not in taken
        name = wanted if usable else _free(f"call_{number}", taken)
        taken.add(name)
        found.append(call.model_copy(update={"id": name}))
    return found


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _invalid(why: str) -> ModelError:
    return ModelError(ModelFailure.ANSWER_INVALID, f"the model's answer is not usable: {why}.")
