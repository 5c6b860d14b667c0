"""A worker has the conversation that the run's digest says, from what it knows, what came along, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.activities.agents.conversations import Conversations
from advanced_workflow.activities.agents.failures import ModelError
from advanced_workflow.activities.agents.loading import Loading
from advanced_workflow.workflows.contract import (
    AgentHead,
    ChatMessage,
    ConversationPart,
    ConversationRequest,
    ModelFailure,
    ModelRequest,
    RawMessage,
)
from advanced_workflow.workflows.contract.conversation import chained, digest_of_head, part_of

HEAD = AgentHead(instructions="Find out.").model_dump(mode="json", exclude_defaults=True)
NAME = ("ns", "run-1", "look")


def said(text: str, role: Any = "user") -> RawMessage:
    return ChatMessage(role=role, content=text).as_raw()


@dataclass
class Agent:
    """A run with one agent."""

    messages: list[RawMessage] = field(default_factory=lambda: [said("why?")])
    asked: list[ConversationRequest] = field(default_factory=list[ConversationRequest])
    head: dict[str, Any] = field(default_factory=lambda: HEAD)

    async def ask(self, request: ConversationRequest) -> ConversationPart:
        self.asked.append(request)
        return part_of(self.head, self.messages, request)

    def request(self, newest: int = 0, **fields: Any) -> ModelRequest:
        first = digest_of_head(HEAD)
        return ModelRequest(
            agent="look",
            turn=1,
            model="m",
            head_digest=first,
            length=len(self.messages),
            digest=chained(first, self.messages),
            newest=self.messages[len(self.messages) - newest :] if newest else [],
            **fields,
        )


async def test_a_worker_that_knows_nothing_asks_once_for_head_and_messages_and_then_for_nothing():
    agent = Agent([said(f"{number}") for number in range(5)])
    loading = Loading(agent.ask)

    head, known = await loading.load(NAME, agent.request(newest=1))

    assert head == HEAD
    assert list(known.messages) == agent.messages
    assert [(one.begin, one.end, one.head) for one in agent.asked] == [(0, 0, True), (0, 4, False)]
    loading.answered(NAME, known, said("because", "assistant"))
    agent.messages += [said("because", "assistant"), said("and why that?")]
    assert (await loading.load(NAME, agent.request(newest=1)))[1].digest == agent.request().digest
    assert len(agent.asked) == 2


async def test_what_comes_along_is_not_asked_for():
    agent = Agent()

    await Loading(agent.ask).load(NAME, agent.request(newest=1, head=HEAD))

    assert agent.asked == []


async def test_an_answer_that_never_reached_the_run_is_replaced_and_only_it_is_asked_for():
    agent = Agent([said(f"{number}") for number in range(50)])
    loading = Loading(agent.ask)
    _, known = await loading.load(NAME, agent.request())
    agent.asked.clear()
    loading.answered(NAME, known, said("lost", "assistant"))
    agent.messages += [said("kept", "assistant"), said("result")]

    _, found = await loading.load(NAME, agent.request(newest=1))

    assert list(found.messages) == agent.messages
    assert [(one.begin, one.end) for one in agent.asked] == [(50, 51)]


async def test_another_run_of_the_same_id_is_not_mixed_with_it():
    loading = Loading((one := Agent([said("a"), said("b"), said("c")])).ask)
    await loading.load(NAME, one.request())
    one.messages[:] = [said("x"), said("b"), said("c"), said("d")]

    _, found = await loading.load(NAME, one.request(newest=1))

    assert list(found.messages) == one.messages


async def test_a_run_that_goes_back_is_followed():
    agent = Agent([said(f"{number}") for number in range(9)])
    loading = Loading(agent.ask)
    await loading.load(NAME, agent.request())
    agent.messages = agent.messages[:4]

    _, found = await loading.load(NAME, agent.request())

    assert list(found.messages) == agent.messages
    assert len(agent.asked) == 2


@pytest.mark.parametrize("lie", [said("lie"), None])
async def test_what_has_another_digest_is_refused_and_the_model_not_called(lie: RawMessage | None):
    agent = Agent([said("a"), said("b")])
    request = agent.request(head=HEAD)
    agent.messages[:] = [] if lie is None else [said("a"), lie]

    with pytest.raises(ModelError, match="not what its digest says") as caught:
        await Loading(agent.ask).load(NAME, request)

    assert (caught.value.kind, caught.value.non_retryable) == (ModelFailure.CONVERSATION_MISMATCH, True)


async def test_a_head_of_another_digest_is_refused_and_one_is_shared_by_runs():
    other = Agent(head={"instructions": "Other."})
    with pytest.raises(ModelError, match="the head of the conversation"):
        await Loading(other.ask).load(NAME, other.request())

    agent = Agent()
    loading = Loading(agent.ask)
    await loading.load(NAME, agent.request(newest=1))
    await loading.load(("ns", "run-2", "look"), agent.request(newest=1))
    assert len(agent.asked) == 1


async def test_memory_is_bounded_and_what_was_given_up_is_asked_for_again():
    conversations = Conversations(most_bytes=20_000)
    agent = Agent([said("x" * 4_000)])
    loading = Loading(agent.ask, conversations)
    for number in range(10):
        await loading.load(("ns", f"run-{number}", "look"), agent.request(head=HEAD))
        assert conversations.size <= 20_000
    asked = len(agent.asked)

    await loading.load(("ns", "run-9", "look"), agent.request())
    assert len(agent.asked) == asked
    await loading.load(("ns", "run-0", "look"), agent.request())
    assert len(agent.asked) == asked + 1


@given(st.data())
async def test_whatever_a_worker_remembers_it_finds_the_run_s_conversation(data: st.DataObject):
    agent = Agent()
    loadings = [Loading(agent.ask, Conversations(most_bytes=data.draw(st.sampled_from([0, 300, 10**6])))) for _ in "ab"]
    for turn in range(data.draw(st.integers(1, 6))):
        loading = data.draw(st.sampled_from(loadings))
        newest = data.draw(st.integers(0, len(agent.messages)))
        _, known = await loading.load(NAME, agent.request(newest=newest))
        assert list(known.messages) == agent.messages
        answer = said(f"{turn}", "assistant")
        if data.draw(st.booleans()):
            loading.answered(NAME, known, answer)
        lost = data.draw(st.booleans())
        agent.messages = [*agent.messages, said("other", "assistant") if lost else answer, said(f"r{turn}")]
