"""What a run and a worker say to each other about an agent's model calls.

The conversation belongs to the run. A model call says how long it is and what its digest is, and brings the newest messages where they
are small; what a worker lacks it asks the run for, with the query `QUERY_CONVERSATION`. One call is one attempt of one model: the run
chooses among fallbacks, so that each model has its own retries and its own breaker (`BreakerPolicy.key`).

A head and a message are hashed as the payload decoder gives them, whatever fields they have: they stay plain JSON here (`RawHead`,
`RawMessage`) and the models `AgentHead` and `ChatMessage` only read and write them.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, TypeAlias

from pydantic import Field

from advanced_workflow.workflows.contract.wire import Json, WireModel

MODEL_ACTIVITY = "adw.model"
"""Built-in activity that calls a model once; takes a `ModelRequest`, gives a `ModelAnswer`. Never local: it may have to ask the run."""
QUERY_CONVERSATION = "conversation"
"""Query that gives a part of an agent's conversation; takes a `ConversationRequest`, gives a `ConversationPart`."""

NEWEST_BYTES = 16 * 1024
"""Messages of a model call that come along with it; larger ones are asked for."""
PART_BYTES = 1_000_000
"""Bytes of messages in one answer of the query, if more than one message is in it."""

RawMessage: TypeAlias = dict[str, Json]
"""A `ChatMessage` as JSON."""
RawHead: TypeAlias = dict[str, Json]
"""An `AgentHead` as JSON."""


class ModelFailure(StrEnum):
    """Failure types of a model call. The worker says which of them are final."""

    UNAVAILABLE = "ModelUnavailable"
    """The provider did not answer, or said that it is broken: tried again, and the model's breaker counts it."""
    RATE_LIMITED = "ModelRateLimited"
    """Too many requests: tried again when the provider says."""
    ANSWER_INVALID = "ModelAnswerInvalid"
    """What came is no whole answer, such as a stream that ended early: tried again, and the breaker counts it."""
    QUOTA_EXCEEDED = "ModelQuotaExceeded"
    """The account has no quota left. Final."""
    CONTEXT_TOO_LONG = "ContextTooLong"
    """The conversation does not fit into the model. Final for this conversation: send less of it, see `ConversationView`."""
    ACCESS_DENIED = "ModelAccessDenied"
    """The key is missing, wrong, or not for this model. Final."""
    UNKNOWN = "ModelUnknown"
    """No such model, or no such provider. Final."""
    REFUSED = "ModelRequestRefused"
    """The provider, or this worker, does not take the request. Final."""
    NOT_INSTALLED = "ModelNotInstalled"
    """This worker has not the packages that the model needs. Final."""
    CONVERSATION_UNAVAILABLE = "ConversationUnavailable"
    """The run did not answer the worker's question for its conversation: tried again."""
    CONVERSATION_MISMATCH = "ConversationMismatch"
    """What the run answered is not what its digest says. Final."""


class FinishReason(StrEnum):
    """Why a model ended its answer."""

    STOP = "stop"
    TOOL_CALLS = "tool_calls"
    LENGTH = "length"
    """It was cut: its calls, whole or not, are left out of the message."""
    CONTENT_FILTER = "content_filter"
    """The provider kept the rest back; calls are left out as well."""


class ToolSchema(WireModel):
    """A tool as the model sees it."""

    name: str
    description: str = ""
    parameters: dict[str, Json] = Field(default_factory=dict[str, Json])
    """JSON Schema of the arguments the model chooses; without those that the definition binds."""


class AgentHead(WireModel):
    """What stands before the conversation and stays the same while it lasts."""

    instructions: str = ""
    tools: list[ToolSchema] = Field(default_factory=list[ToolSchema])
    output_schema: dict[str, Json] = Field(default_factory=dict[str, Json])
    """JSON Schema of the final answer; it is text where there is none."""
    parallel_tool_calls: bool = True
    """Whether the model may ask for several calls in one answer."""


class ToolCall(WireModel):
    """One call that a model asks for."""

    id: str
    """As the provider gave it, or made by the worker; unique within its message."""
    name: str
    arguments: dict[str, Json] = Field(default_factory=dict[str, Json])
    error: str = ""
    """Why it cannot be run: its arguments are not a JSON object. The model is told so in the tool's place."""
    text: str = ""
    """The beginning of such arguments, as they came."""


class ChatMessage(WireModel):
    """One message of a conversation. It is written without the fields that are at their defaults."""

    role: Literal["user", "assistant", "tool"]
    content: str = ""
    """Text; a tool's result that is not text is its JSON."""
    tool_calls: list[ToolCall] = Field(default_factory=list[ToolCall])
    """Of the assistant."""
    tool_call_id: str = ""
    """Of a tool's message: the call it answers. Each call has exactly one such message after it."""
    name: str = ""
    """Of a tool's message: the tool."""
    error: bool = False
    """Of a tool's message: it says why there is no result."""
    raw: Json = None
    """Of the assistant: what a provider wants to see again and the fields above cannot hold, such as signed reasoning."""

    def as_raw(self) -> RawMessage:
        """As it goes into the conversation, and is hashed."""
        return self.model_dump(mode="json", exclude_defaults=True)


class ConversationView(WireModel):
    """Which part of a conversation the model is shown; the conversation itself stays whole."""

    skip: int = 0
    """So many messages at its beginning are left out. What follows must not begin in the middle of a turn."""
    summary: str = ""
    """Stands in their place."""
    cleared: int = 0
    """Results of tools among so many first messages are shown as left out."""
    ask: str = ""
    """A last message of the user that is not part of the conversation: asks for a summary of it, or for the answer now."""


class ModelRequest(WireModel):
    """Argument of the model activity."""

    agent: str
    """Path of the agent's step."""
    turn: int
    """The how-manieth model call of the agent this is, from 1."""
    model: str
    """`scripted:NAME`, or `PROVIDER:MODEL` where the provider is an endpoint of the worker's settings or one that LangChain knows."""
    settings: dict[str, Json] = Field(default_factory=dict[str, Json])
    """What the definition's `ModelSettings` say, without what they leave out."""
    head_digest: str
    head: RawHead | None = None
    """The head itself, where it is small and no worker can have it yet (the first call)."""
    length: int
    """Messages of the conversation, `newest` included."""
    digest: str
    """Over head and messages: see `conversation.chained`."""
    newest: list[RawMessage] = Field(default_factory=list[RawMessage])
    """The last ones, where they are small."""
    answer_only: bool = False
    """The model may not call tools."""
    view: ConversationView = Field(default_factory=ConversationView)


class Usage(WireModel):
    """Tokens of a model call, as the provider counts them."""

    input_tokens: int = 0
    """All of the request, those from a cache included."""
    output_tokens: int = 0
    """All of the answer, those of reasoning included."""
    cached_tokens: int = 0
    """Of the input: those the provider had in a cache."""
    reasoning_tokens: int = 0
    """Of the output: those of reasoning that is not shown."""
    estimated: bool = False
    """The provider does not count: these are a quarter of the characters."""


class ModelAnswer(WireModel):
    """What the model activity gives."""

    message: RawMessage
    """The assistant's `ChatMessage`, to be added to the conversation as it is."""
    finish_reason: FinishReason
    model: str = ""
    """The model that answered, as the provider calls it."""
    usage: Usage = Field(default_factory=Usage)
    cost: float | None = None
    """In the currency of the worker's price table; null where it has no price for the model."""


class ModelProgress(WireModel):
    """Heartbeat details of a model call that is under way."""

    agent: str
    turn: int
    model: str = ""
    tokens: int = 0
    """Of the answer, so far; counted in pieces of the stream."""
    last: str = ""
    """The last characters of its text."""


class ConversationRequest(WireModel):
    """Argument of the query for a conversation."""

    agent: str
    """Path of the agent's step."""
    begin: int = 0
    """The first message that is asked for."""
    end: int | None = None
    """The one after the last; all where it is left out."""
    head: bool = False
    """Whether the head is asked for too."""


class ConversationPart(WireModel):
    """Answer of the query: messages from `begin` on, fewer than asked for where they are large."""

    found: bool = True
    """False where the run has no such agent."""
    length: int = 0
    """Messages of the whole conversation."""
    begin: int = 0
    messages: list[RawMessage] = Field(default_factory=list[RawMessage])
    head: RawHead | None = None
    turns: int = 0
    """How often the agent's model has answered: more often than the messages say where the agent began again."""
