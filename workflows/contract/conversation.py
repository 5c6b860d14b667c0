"""The digest of a conversation, and its parts: pure, the same for the run that keeps it and the worker that caches it.

A chain: each link covers the one before it and one message, so that adding a message costs that message and every beginning of the
conversation has its digest. Text and numbers are hashed as JSON readers give them; where one writes 1.0 as 1 it is the same number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import cast

from advanced_workflow.workflows.contract.agents import (
    PART_BYTES,
    ConversationPart,
    ConversationRequest,
    RawHead,
    RawMessage,
)
from advanced_workflow.workflows.contract.wire import Json
from advanced_workflow.workflows.plain.strict_json import encode


def digest_of_head(head: RawHead) -> str:
    """The first link."""
    return hashlib.sha256(b"head\n" + canonical(head)).hexdigest()


def linked(digest: str, message: RawMessage) -> str:
    """The digest of a conversation with one more message."""
    return linked_json(digest, canonical(message))


def linked_json(digest: str, written: bytes) -> str:
    """The same, of a message as `canonical` writes it."""
    return hashlib.sha256(digest.encode() + b"\n" + written).hexdigest()


def chained(digest: str, messages: Iterable[RawMessage]) -> str:
    """The digest of a conversation with more messages."""
    for message in messages:
        digest = linked(digest, message)
    return digest


def canonical(value: Json) -> bytes:
    """JSON with sorted keys and without spaces; a float without a fraction is written as the whole number it is.

    Raises:
        DataInvalid: it is not JSON.
    """
    text = encode(value, "the conversation")
    # Few have such numbers, and only they are walked through.
    return encode(_whole(value), "the conversation") if b".0" in text or b"e+" in text else text


def part_of(head: RawHead, messages: Sequence[RawMessage], asked: ConversationRequest) -> ConversationPart:
    """What is asked for, as much of it as goes into one answer; at least one message where there is one."""
    begin = max(0, asked.begin)
    end = len(messages) if asked.end is None else min(asked.end, len(messages))
    given: list[RawMessage] = []
    size = 0
    for message in messages[begin:end]:
        size += len(encode(message, "a message"))
        if given and size > PART_BYTES:
            break
        given.append(message)
    return ConversationPart(length=len(messages), begin=begin, messages=given, head=head if asked.head else None)


def _whole(value: Json) -> Json:
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in cast("dict[str, Json]", value).items()}
    if isinstance(value, list):
        return [_whole(item) for item in cast("list[Json]", value)]
    return value
