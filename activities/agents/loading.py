"""From a model request to the whole conversation: what the worker knows, what came along, and what the run is asked for."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from advanced_workflow.activities.agents.conversations import Conversations, Known, Name
from advanced_workflow.activities.agents.failures import ModelError
from advanced_workflow.workflows.contract import (
    ConversationPart,
    ConversationRequest,
    ModelFailure,
    ModelRequest,
    RawHead,
    RawMessage,
)
from advanced_workflow.workflows.contract.conversation import digest_of_head

Ask: TypeAlias = Callable[[ConversationRequest], Awaitable[ConversationPart]]
"""Asks the run; see `questions`."""


class Loading:
    """The conversations of one worker process."""

    def __init__(self, ask: Ask, conversations: Conversations | None = None) -> None:
        """`ask` is called only for what is missing."""
        self._ask = ask
        self._conversations = conversations or Conversations()

    async def load(self, name: Name, request: ModelRequest) -> tuple[RawHead, Known]:
        """The head and the whole conversation, as their digests say.

        Raises:
            ModelError: the run does not answer, or its answer has another digest.
        """
        head = await self._head(request)
        known = self._conversations.get(name, request.head_digest)
        before = min(len(known.messages), request.length - len(request.newest))
        # What this worker answered may never have reached the run; what it knows for sure may be of a run that had the same id.
        for count in dict.fromkeys((before, min(before, known.sure), 0)):
            found = await self._completed(known.first(count), request)
            if found.digest == request.digest:
                self._conversations.put(name, found)
                return head, found
        self._conversations.forget(name)
        raise _mismatch(request, "the conversation")

    def answered(self, name: Name, known: Known, message: RawMessage) -> None:
        """Keep the answer too: the next request most often has it."""
        self._conversations.put(name, known.with_more([message]))

    async def _completed(self, begin: Known, request: ModelRequest) -> Known:
        known, missing = begin, request.length - len(request.newest)
        while len(known.messages) < missing:
            asked = ConversationRequest(agent=request.agent, begin=len(known.messages), end=missing)
            part = await self._ask(asked)
            if not part.messages:
                raise _mismatch(request, f"message {asked.begin}")
            known = known.with_more(part.messages)
        return known.with_more(request.newest, sure=True)

    async def _head(self, request: ModelRequest) -> RawHead:
        known = self._conversations.head(request.head_digest)
        if known is not None:
            return known
        head = request.head
        if head is None:
            head = (await self._ask(ConversationRequest(agent=request.agent, end=0, head=True))).head
        if head is None or digest_of_head(head) != request.head_digest:
            raise _mismatch(request, "the head of the conversation")
        self._conversations.put_head(request.head_digest, head)
        return head


def _mismatch(request: ModelRequest, what: str) -> ModelError:
    return ModelError(
        ModelFailure.CONVERSATION_MISMATCH,
        f"{what} of {request.agent!r} is not what its digest says, so the model was not called; workers of one queue must be of "
        "releases that know each other.",
    )
