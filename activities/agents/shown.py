"""What a model is shown of a conversation: a pure function of the conversation and the request's view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from advanced_workflow.workflows.contract import ChatMessage, ConversationView, RawMessage

CLEARED = "[left out to save space; call the tool again if you need it]"
_SUMMARY = "Summary of the conversation so far:\n"


def shown(messages: Sequence[RawMessage], view: ConversationView) -> list[ChatMessage]:
    """The messages as the model sees them."""
    return [*_before(view), *_kept(messages, view), *_after(view)]


def _before(view: ConversationView) -> Iterator[ChatMessage]:
    if view.summary:
        yield ChatMessage(role="user", content=_SUMMARY + view.summary)


def _kept(messages: Sequence[RawMessage], view: ConversationView) -> Iterator[ChatMessage]:
    for number, raw in enumerate(messages):
        if number >= view.skip:
            message = ChatMessage.model_validate(raw)
            cleared = message.role == "tool" and number < view.cleared
            yield message.model_copy(update={"content": CLEARED}) if cleared else message


def _after(view: ConversationView) -> Iterator[ChatMessage]:
    if view.ask:
        yield ChatMessage(role="user", content=view.ask)
