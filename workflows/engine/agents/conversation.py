"""The conversation of an agent: the run holds it, and a model call brings its digest and the newest messages."""

from __future__ import annotations

from advanced_workflow.workflows.contract import (
    NEWEST_BYTES,
    AgentHead,
    ConversationPart,
    ConversationRequest,
    RawHead,
    RawMessage,
    ToolSchema,
)
from advanced_workflow.workflows.contract.conversation import chained, digest_of_head, linked, part_of
from advanced_workflow.workflows.engine.agents.stand import Stand
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.engine.state.record import AGENT, MESSAGES
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.plain.strict_json import encode

_HEAD_BYTES = 8 * 1024
"""A head that comes along with the first model call."""


class Conversation:
    """The messages of one agent with their digest."""

    def __init__(self, head: RawHead, stand: Stand) -> None:
        """Take up the messages so far."""
        self.head = head
        self.head_digest = digest_of_head(head)
        self._stand = stand
        if not stand.digest:
            stand.digest = chained(self.head_digest, stand.messages)

    @property
    def digest(self) -> str:
        """Over head and messages."""
        return self._stand.digest

    @property
    def messages(self) -> list[RawMessage]:
        """All of them."""
        return self._stand.messages

    def add(self, *messages: RawMessage) -> None:
        """Add messages at the end."""
        for message in messages:
            self._stand.messages.append(message)
            self._stand.digest = linked(self._stand.digest, message)

    def small_head(self) -> RawHead | None:
        """The head, where it may come along."""
        return self.head if len(encode(self.head, "the head")) <= _HEAD_BYTES else None

    def newest(self) -> list[RawMessage]:
        """What came after the model's latest answer, which the worker that gave it knows; nothing where that is large."""
        newest: list[RawMessage] = []
        left = NEWEST_BYTES
        for message in reversed(self.messages):
            if message["role"] == "assistant":
                break
            left -= len(encode(message, "a message"))
            if left < 0:
                return []
            newest.append(message)
        return newest[::-1]


def head_of(run: RunContext, plan: StepPlan, stand: Stand) -> RawHead:
    """What stands before an agent's conversation: it was pinned when the run was prepared, and when the agent began."""
    agent = plan.step.agent
    if agent is None:
        raise AssertionError(f"step {plan.step_id!r} is no agent")
    pinned = run.prepared.tools or {}
    tools = [pinned.get(one.step_id) or ToolSchema(name=name) for name, one in plan.tools.items()]
    head = AgentHead(
        instructions=stand.instructions,
        tools=tools,
        output_schema=agent.output_schema,
        parallel_tool_calls=agent.parallel_tool_calls,
    )
    return head.model_dump(mode="json")


def conversation_part(run: RunContext, asked: ConversationRequest) -> ConversationPart:
    """Answer of the query for a conversation; nothing is found of agents that did not begin, or whose messages the run let go."""
    record = run.state.records.get(asked.agent)
    if record is None or record.plan.step.agent is None or MESSAGES not in record.cursor.get(AGENT, {}):
        return ConversationPart(found=False)
    stand = Stand(record)
    part = part_of(head_of(run, record.plan, stand), stand.messages, asked)
    return part.model_copy(update={"turns": stand.turn})
