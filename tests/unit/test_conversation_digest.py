"""The digest of a conversation: what a run says of it, and what a worker finds from what it was sent, is the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from advanced_workflow.client.storage.bound import GuardedConverter
from advanced_workflow.workflows.contract import (
    PART_BYTES,
    AgentHead,
    ChatMessage,
    ConversationPart,
    ConversationRequest,
    ModelRequest,
    ToolCall,
)
from advanced_workflow.workflows.contract.conversation import canonical, chained, digest_of_head, linked, part_of

PAYLOADS = GuardedConverter().payload_converter

numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
text = st.text(st.characters(exclude_categories=["Cs"]))
values = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=12,
)
messages = st.builds(
    lambda content, arguments, raw: ChatMessage(
        role="assistant", content=content, tool_calls=[ToolCall(id="c", name="t", arguments=arguments)], raw=raw
    ).as_raw(),
    text,
    st.dictionaries(text, values, max_size=3),
    values,
)


def as_javascript_writes(value: Any) -> Any:
    """Whole floats without their `.0`, up to where JavaScript writes an exponent."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    if isinstance(value, dict):
        return {key: as_javascript_writes(item) for key, item in reversed(value.items())}
    return [as_javascript_writes(item) for item in value] if isinstance(value, list) else value


@given(st.lists(messages, max_size=3))
@example([{"role": "user", "content": "v1.0", "raw": {"a": 1.0, "b": -0.0, "c": 1e16, "d": 1e300, "e": 5e-324}}])
def test_what_the_payload_decoder_gives_has_the_digest_of_what_was_sent(sent: list[dict[str, Any]]):
    head = AgentHead(output_schema={"maximum": 1.0}).model_dump(mode="json", exclude_defaults=True)
    digest = chained(digest_of_head(head), sent)
    request = ModelRequest(
        agent="a",
        turn=1,
        model="m",
        head=head,
        head_digest=digest_of_head(head),
        length=len(sent),
        digest=digest,
        newest=sent,
    )

    plain = PAYLOADS.from_payload(PAYLOADS.to_payload(request.model_dump(mode="json")))
    typed = ModelRequest.model_validate(plain)

    assert typed.head is not None
    assert chained(digest_of_head(typed.head), typed.newest) == digest
    part = ConversationPart.model_validate_json(ConversationPart(messages=sent, head=head).model_dump_json())
    assert part.head is not None
    assert chained(digest_of_head(part.head), part.messages) == digest


@given(values)
def test_numbers_are_the_same_however_their_json_is_written(value: Any):
    assert canonical(value) == canonical(json.loads(json.dumps(as_javascript_writes(value))))


@given(st.lists(messages, min_size=1, max_size=4), st.data())
def test_every_message_and_its_place_count(sent: list[dict[str, Any]], data: st.DataObject):
    place = data.draw(st.integers(0, len(sent) - 1))
    changed = [*sent]
    changed[place] = {**sent[place], "content": sent[place].get("content", "") + "."}

    assert chained("d", changed) != chained("d", sent)
    assert chained("d", sent[:place]) != chained("d", sent)
    assert chained(chained("d", sent[:place]), sent[place:]) == chained("d", sent)


def test_fields_that_a_later_release_adds_are_hashed_too():
    later = {"role": "user", "content": "a", "cost_centre": 7}

    assert linked("d", later) != linked("d", {"role": "user", "content": "a"})


@pytest.mark.parametrize("size", [10, 400_000, 1_500_000])
def test_parts_of_a_conversation_make_the_whole(size: int):
    sent = [ChatMessage(role="user", content=f"{number}" + "x" * size).as_raw() for number in range(7)]
    head = AgentHead(instructions="i").model_dump(mode="json", exclude_defaults=True)
    got: list[dict[str, Any]] = []
    while len(got) < len(sent):
        part = part_of(head, sent, ConversationRequest(agent="a", begin=len(got), head=not got))
        assert part.length == 7
        assert part.head == (None if got else head)
        assert len(part.messages) == 1 or sum(len(canonical(one)) for one in part.messages) <= PART_BYTES
        got += part.messages

    assert got == sent
    assert part_of(head, sent, ConversationRequest(agent="a", begin=2, end=3)).messages == sent[2:3]
    assert part_of(head, sent, ConversationRequest(agent="a", begin=9)).messages == []
