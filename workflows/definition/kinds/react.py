"""`react` steps: an agent, which asks a model what to do next and calls the tools that the model asks for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, StrictBool, model_validator

from advanced_workflow.workflows.definition.kinds.human_approval import Approval, approval_problems
from advanced_workflow.workflows.definition.kinds.kind import LONGEST, Kind
from advanced_workflow.workflows.definition.kinds.webhook import Webhook, webhook_problems
from advanced_workflow.workflows.definition.model.base import (
    Count,
    DefinitionModel,
    Schema,
    Seconds,
    SecondsOrExpression,
    ShortFormed,
)
from advanced_workflow.workflows.definition.model.markers import (
    BOOL,
    ActionName,
    Expr,
    Interpolated,
    Mapped,
    Moment,
    Name,
    QueueName,
    Sees,
    ShortForm,
    Spelled,
    Trait,
)
from advanced_workflow.workflows.definition.model.model_settings import ModelSettings
from advanced_workflow.workflows.definition.model.retries import RetryPolicy
from advanced_workflow.workflows.definition.model.rollback import RollbackAction
from advanced_workflow.workflows.definition.model.roots import CALL, RESULT
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, listed, problem, shorten, warning
from advanced_workflow.workflows.definition.problems.problem import Problem

_SPELLED: Final = "a letter or '_', then letters, digits, '_' or '-', at most {} characters"
ToolName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,63}$"), Spelled(_SPELLED.format(64))]
"""What providers take as the name of a tool, and a path as a part of it."""
SCRIPTED = "scripted"
"""The provider in the names of models that follow a script."""
Prefix = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,31}$"), Spelled(_SPELLED.format(32))]
RESERVED_TOOL: Final = "model"
"""The name of the model's own calls in paths."""
RESERVED_TOOLS: Final = (RESERVED_TOOL, "summary")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]+", re.ASCII)
_LONGEST_NAME = 64


def usual_name(name: str) -> str:
    """A name in the form that providers take, made of any other."""
    legal = _NOT_IN_A_NAME.sub("_", name)[:_LONGEST_NAME]
    return legal if not legal[:1].isdigit() and not legal.startswith("-") else f"_{legal}"[:_LONGEST_NAME]


class Tool(ShortFormed):
    """What an agent may call: exactly one of `action`, `workflow`, `webhook`, `agent` and `mcp`, or an `approval` alone; a string is an action's name.

    Each call is a step of its own. The model chooses the arguments, less those that `input_mapping` binds: these vanish from what the model sees.
    """

    action: Annotated[str | None, ActionName(), ShortForm("Name of the action.")] = None
    """The action to run."""
    workflow: Annotated[str | None, Name("the name of a definition", 200)] = None
    """Id of the registered definition to run as a child."""
    workflow_version: str | None = None
    """The version it must have; any when empty."""
    webhook: Webhook | None = None
    """The request to send; its expressions may use `call`."""
    agent: Agent | None = None
    """Another agent, which is given the arguments."""
    mcp: Annotated[str | None, Name("the name of an MCP server", 64)] = None
    """An MCP server of the worker's settings (`ADW_MCP_SERVERS`): `tool` names one tool of it, else the agent is given all of them. The
    worker asks for their list when the run begins, and the run keeps what it was told then."""
    tool: Annotated[str | None, Name("the name of a tool", 200)] = None
    """The one tool of the MCP server, as the server calls it."""
    include: Annotated[tuple[str, ...], Name("the name of a tool", 200)] = ()
    """Tools of the MCP server that the agent is given, and no other."""
    exclude: Annotated[tuple[str, ...], Name("the name of a tool", 200)] = ()
    """Tools of the MCP server that the agent is not given."""
    prefix: Prefix | None = None
    """What the names of the MCP server's tools begin with for the model; where two tools have one name it is the server's when empty."""
    name: ToolName | None = None
    """How the model calls it; made of the action's, the definition's or the MCP tool's name when empty."""
    description: str = ""
    """What the model reads about it; the action's, the definition's or the MCP tool's own description when empty."""
    parameters: Schema = Field(default_factory=dict)
    """JSON Schema of its arguments, the mapped ones included. Needed for webhooks, and where the action is not known to this project's
    workers; of an agent it is a `task` when empty, of people a `question`. An MCP tool that has one is not asked for."""
    input_mapping: Annotated[dict[str, JsonValue], Mapped()] = Field(default_factory=dict)
    """Parameters that are not the model's to choose: parameter -> expression over `call` (the arguments the model chose) and the
    usual roots."""
    approve: Annotated[StrictBool | str, Expr(gives=BOOL)] = False
    """Whether people must approve a call: always, or where an expression over `call` holds."""
    approval: Approval | None = None
    """Whom `approve` asks, and until when; without it anybody may approve. Alone it is the tool: what the model gives is put to people,
    and what they decide is the result."""
    max_calls: Count | None = None
    """How often the agent may call it. Of a worker: how often it may be called at all, what is done again and what the agent of an
    open-ended task calls included."""

    agent_capability: Annotated[str | None, QueueName()] = None
    """Task queue of the workers that can do it; the run's own queue when empty."""
    timeout: SecondsOrExpression | None = None
    """How long one attempt may take. Default 300."""
    total_timeout: SecondsOrExpression | None = None
    """How long all attempts together may take."""
    heartbeat_timeout: SecondsOrExpression | None = None
    """Time without a sign of life after which an attempt counts as lost."""
    queue_timeout: SecondsOrExpression | None = None
    """Time until a worker must have taken the call."""
    execution: Literal["regular", "local"] = "regular"
    """`local` runs the action inside the run's own worker."""
    retry_policy: RetryPolicy = RetryPolicy()
    """Overrides the workflow's, field by field."""
    rollback_actions: Annotated[tuple[str | RollbackAction, ...], ActionName()] = ()
    """Actions that undo a call, called in this order. A bare name runs where the call ran; `{action, agent_capability}` says the queue, which is the
    run's own without `agent_capability`."""
    rollback_mapping: Annotated[dict[str, JsonValue], Mapped(RESULT, at=Moment.UNDOING)] = Field(default_factory=dict)
    """Builds the input of the undo actions instead of the standard object."""
    rollback_timeout: Seconds = 3600
    """Seconds an undo action is retried."""

    @model_validator(mode="after")
    def _one_form(self) -> Tool:
        forms = sum(one is not None for one in (self.action, self.workflow, self.webhook, self.agent, self.mcp))
        if forms > 1 or (forms == 0 and self.approval is None):
            raise ValueError(
                "a tool needs exactly one of 'action', 'workflow', 'webhook', 'agent' and 'mcp', or an 'approval' alone"
            )
        if self.name is None and self.action is None and self.workflow is None and self.mcp is None:
            raise ValueError("a tool that is a webhook, an agent or an approval needs a 'name'")
        return self

    @property
    def step_type(self) -> StepType:
        """What a call of it is."""
        if self.action is not None or self.mcp is not None:
            return StepType.SEQUENTIAL
        if self.workflow is not None:
            return StepType.SUB_WORKFLOW
        if self.webhook is not None:
            return StepType.WEBHOOK
        return StepType.HUMAN_APPROVAL if self.agent is None else StepType.REACT

    @property
    def is_people(self) -> bool:
        """Whether it asks people and does nothing else."""
        return self.step_type is StepType.HUMAN_APPROVAL

    @property
    def label(self) -> str:
        """How the model calls it, and how its calls end in paths."""
        return self.name or usual_name(self.action or self.workflow or self.tool or self.mcp or "")

    @property
    def is_set(self) -> bool:
        """Whether it stands for the tools of a server, whose names are not known before they are asked for."""
        return self.mcp is not None and self.tool is None

    @property
    def is_open(self) -> bool:
        """Whether a server must be asked before a model can be told of it."""
        return self.mcp is not None and (self.tool is None or not self.parameters)

    @property
    def asks(self) -> bool:
        """Whether some of its calls wait for people."""
        return self.approve is not False


class Context(DefinitionModel):
    """What becomes of a conversation that is too long for the model."""

    max_tokens: Count
    """From a model call of so many tokens on, the next one is shown less. The conversation itself stays whole."""
    strategy: Literal["clear_tool_results", "summarise"] = "clear_tool_results"
    """`clear_tool_results`: older results of tools are shown as left out; `summarise`: the model sums the older turns up first."""


class Agent(DefinitionModel):
    """An agent (`react`): a model that is asked again and again, and calls tools, until it gives its answer.

    The output is the answer: text, or with an `output_schema` the JSON that fits it. `timeout` and `retry_policy` of the step are those
    of one model call.
    """

    model: Annotated[str, Name("the name of a model", 200)]
    """`PROVIDER:MODEL` as LangChain's `init_chat_model` takes it, `scripted:NAME`, or an endpoint of the worker's settings."""
    fallback_models: Annotated[tuple[str, ...], Name("the name of a model", 200)] = ()
    """Models that are asked, in this order, where the one before failed for good."""
    model_settings: ModelSettings = ModelSettings()
    instructions: Annotated[str, Interpolated()] = ""
    """What the model is to do and how; `{{ expression }}` is replaced by its value."""
    prompt: Annotated[str | None, Expr()] = None
    """Expression that gives the first message; the step's mapped input as JSON when empty."""
    tools: Annotated[tuple[Tool, ...], Sees(CALL)] = ()
    """What the agent may call."""
    max_turns: Count = 10
    """How often the model may be asked."""
    max_tokens: Count | None = None
    """Tokens that all model calls together may take."""
    max_cost: Annotated[float, Field(gt=0, strict=True)] | None = None
    """What all model calls together may cost, in the currency of the worker's price table."""
    max_tool_calls: Count | None = None
    """How many calls of tools there may be."""
    on_limit: Literal["fail", "answer"] = "fail"
    """`fail`: the step fails with `AgentLimitExceeded`; `answer`: the model is asked once more, without tools."""
    output_schema: Schema = Field(default_factory=dict)
    """JSON Schema of the final answer."""
    output_retries: Annotated[int, Field(ge=0, le=100, strict=True)] = 2
    """How often an answer that does not fit goes back to the model."""
    approve_tools: tuple[str, ...] = ()
    """Tools whose every call people must approve; as `approve: true` of the tool."""
    parallel_tool_calls: StrictBool = True
    """Whether calls that the model asks for at once run at the same time."""
    tool_errors: Literal["return", "fail"] = "return"
    """`return`: the model is told that a call failed, after the tool's own retries; `fail`: the step fails with it."""
    context: Context | None = None
    """What becomes of a long conversation."""

    @property
    def models(self) -> tuple[str, ...]:
        """All it may ask, the first one first."""
        return (self.model, *self.fallback_models)

    def asks_for(self, tool: Tool) -> bool:
        """Whether every call of a tool is approved by people."""
        return tool.approve is True or tool.label in self.approve_tools


Tool.model_rebuild()  # It names a class that stands after it, and what it holds is looked up by its annotations.


def _problems(agent: Agent, loc: Loc) -> Iterator[Problem]:
    names = [tool.label for tool in agent.tools if not tool.is_set]
    yield from name_problems(agent.tools, (*loc, "tools"), "tools")
    is_whole = len(names) == len(agent.tools)
    for index, name in enumerate(agent.approve_tools):
        if name not in names and is_whole:
            message = f"there is no tool {name!r} to approve."
            fix = f"It has: {listed(names) or 'none'}."
            yield problem(Code.WRONG_VALUE, (*loc, "approve_tools", index), message, fix)
        elif any(tool.is_people for tool in agent.tools if tool.label == name and not tool.is_set):
            message = f"tool {name!r} asks people as it is."
            yield problem(Code.MEANINGLESS_FIELD, (*loc, "approve_tools", index), message, "Remove it.")
    for index, tool in enumerate(agent.tools):
        if tool.label in RESERVED_TOOLS and not tool.is_set:
            message = f"{tool.label!r} is what the calls of the model are called."
            yield problem(Code.RESERVED_NAME, (*loc, "tools", index), message, "Give the tool another 'name'.")
        yield from tool_problems(tool, (*loc, "tools", index), asks=tool.asks or tool.label in agent.approve_tools)


def name_problems(tools: Sequence[Tool], loc: Loc, what: str) -> Iterator[Problem]:
    """Names that the model could not tell apart; those that a server gives are not known yet."""
    names = [None if tool.is_set else tool.label for tool in tools]
    for name, count in Counter(names).items():
        if count > 1 and name is not None:
            place = (*loc, len(names) - 1 - names[::-1].index(name))
            message = f"{count} {what} are called {name!r}."
            yield problem(Code.DUPLICATE_ID, place, message, "Give one of them another 'name'.")


def tool_problems(tool: Tool, loc: Loc, *, asks: bool) -> Iterator[Problem]:
    """What is wrong in one tool; `asks` is whether people approve some of its calls."""
    if tool.approval is not None:
        yield from approval_problems(tool.approval, (*loc, "approval"))
        if not asks and not tool.is_people:
            message = "'approval' means nothing where no call is approved."
            yield warning(Code.MEANINGLESS_FIELD, (*loc, "approval"), message, "Add 'approve: true', or remove it.")
    yield from _inner_problems(tool, loc)
    for name in sorted(tool.model_fields_set & _meaningless(tool)):
        message = f"'{name}' means nothing on such a tool."
        fix = "Name one 'tool' of the server, or remove it." if tool.is_set else "Remove it."
        yield problem(Code.MEANINGLESS_FIELD, (*loc, name), message, fix)
    if tool.include and tool.exclude:
        message = "'exclude' means nothing beside 'include'."
        yield problem(Code.MEANINGLESS_FIELD, (*loc, "exclude"), message, "Remove one of them.")


def _inner_problems(tool: Tool, loc: Loc) -> Iterator[Problem]:
    """What is wrong in the request or in the agent that the tool is."""
    if tool.webhook is not None:
        yield from webhook_problems(tool.webhook, (*loc, "webhook"))
        if not tool.parameters:
            message = "the model must be told what the request is made of."
            yield problem(Code.MISSING_FIELD, (*loc, "parameters"), message, "Write 'parameters', a JSON Schema.")
    if tool.agent is not None:
        place = (*loc, "agent")
        if len(place) > _DEEPEST:
            yield problem(Code.TOO_DEEP, place, "agents call agents deeper than 5 levels.", "Flatten them.")
        else:
            yield from _problems(tool.agent, place)


_CALLED: Final = frozenset({"agent_capability", "total_timeout", "queue_timeout"})
"""What only an activity has."""
_DEEPEST: Final = 20
"""Parts of the place of an agent in an agent: it may be five levels deep."""


_OF_PEOPLE: Final = frozenset({"approval", "name", "description", "parameters", "max_calls"})
"""What a tool has that asks people."""


_OF_A_SERVER: Final = frozenset({"tool", "include", "exclude", "prefix"})
_OF_SEVERAL: Final = frozenset({"include", "exclude", "prefix"})
_OF_ONE: Final = frozenset(
    {"name", "description", "parameters", "rollback_actions", "rollback_mapping", "rollback_timeout"}
)
"""What only a tool has that is known by its name."""


def _meaningless(tool: Tool) -> frozenset[str]:
    if tool.is_people:
        return frozenset(Tool.model_fields) - _OF_PEOPLE
    found = frozenset[str]() if tool.action is not None else frozenset({"execution"})
    if tool.mcp is None:
        found |= _OF_A_SERVER
    else:
        found |= _OF_ONE if tool.is_set else _OF_SEVERAL
    if tool.workflow is None:
        found |= {"workflow_version"}
    else:
        found |= {*_CALLED, "heartbeat_timeout"}
    return found | {"input_mapping"} if tool.webhook is not None else found


def _lines(agent: Agent) -> Iterator[str]:
    yield shorten(agent.model, LONGEST)
    if agent.tools:
        yield f"tools: {shorten(', '.join(tool.label for tool in agent.tools), LONGEST)}"


KIND = Kind[Agent](
    StepType.REACT,
    frozenset({Trait.CALLS, Trait.TRIED, Trait.TAKES_INPUT}),
    field="agent",
    problems=_problems,
    lines=_lines,
    drawn=("((", "))"),
)
