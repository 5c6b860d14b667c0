"""What a provider is asked and the pieces in which it answers, whatever library speaks to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Protocol

from advanced_workflow.workflows.contract import AgentHead, ChatMessage, Json, Usage
from advanced_workflow.workflows.definition.model.model_settings import ModelSettings


@dataclass(frozen=True, slots=True)
class Asked:
    """One request, as the model is to see it."""

    head: AgentHead
    messages: list[ChatMessage]
    turn: int = 1
    """Answers in the whole conversation, this one included."""
    settings: ModelSettings = field(default_factory=ModelSettings)
    answer_only: bool = False
    """It may not call tools."""


@dataclass(frozen=True, slots=True)
class CallPiece:
    """A part of one call; parts of one call have the same index, or none and follow each other."""

    index: int | str | None = None
    id: str = ""
    name: str = ""
    arguments: str = ""
    """A part of the arguments' JSON, as it came."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of an answer."""

    text: str = ""
    calls: tuple[CallPiece, ...] = ()
    finish_reason: str = ""
    """As the provider says it; with it the answer is whole."""
    usage: Usage | None = None
    model: str = ""
    raw: Json = None
    """What the provider wants to see again and the other fields cannot hold: that of the last piece that has some counts."""


class Provider(Protocol):
    """Something that answers."""

    def stream(self, asked: Asked) -> AsyncGenerator[Piece, None]:
        """Ask, and give the answer as it comes; closing it ends the request. Raises `ModelError`, or any error of the provider's library."""
        ...
