"""Policies and specifications a step carries: retries, conditions, approval, waiting, and those of later step types."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StrictBool, model_validator

Seconds = Annotated[float, Field(gt=0, le=315_360_000, allow_inf_nan=False, strict=True)]
"""A duration in seconds: more than zero, at most ten years."""

Count = Annotated[int, Field(ge=1, strict=True)]
Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]
Schema = dict[str, JsonValue]
"""A JSON Schema (2020-12)."""


class DefinitionModel(BaseModel):
    """Base of all definition parts: immutable, and unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class BackoffStrategy(StrEnum):
    """How the delay before a retry grows."""

    EXPONENTIAL = "exponential"
    LINEAR = "linear"
    FIXED = "fixed"


class CircuitBreakerPolicy(DefinitionModel):
    """When an action is no longer called because it keeps failing."""

    failure_threshold: Count = 5
    """Failures in a row that open the breaker."""
    timeout: Seconds = 30
    """Seconds the breaker stays open before one probe."""


class RetryPolicy(DefinitionModel):
    """How a failing step is tried again. A field left out is taken from the workflow, then from the defaults."""

    max_attempts: Count | None = None
    """Attempts in all, the first included. Default 3."""
    backoff_strategy: BackoffStrategy | None = None
    """`exponential` (default), `linear` or `fixed`."""
    delay: Seconds | None = None
    """Seconds before the first retry. Default 1."""
    backoff_multiplier: Annotated[float, Field(ge=1, le=1000, strict=True)] | None = None
    """Factor per retry for `exponential`. Default 2."""
    max_delay: Seconds | None = None
    """Upper bound of the delay in seconds. Default 60."""
    jitter: Fraction | None = None
    """Largest random share taken off a delay: 0.2 waits 80 to 100 % of it. Default 0."""
    non_retryable: tuple[str, ...] | None = None
    """Error types that are never tried again."""
    continue_on_failure: StrictBool | None = None
    """The step stays FAILED and the run goes on. Default false."""
    parallel_failure_threshold: Fraction | None = None
    """The success rate a `parallel` step needs (the name is historical). Default 0.5."""
    circuit_breaker: CircuitBreakerPolicy | None = None
    """Stops calling an action that keeps failing."""


class Operator(StrEnum):
    """What a `field`/`operator`/`value` condition compares with."""

    EQ = "=="
    NE = "!="
    GT = ">"
    GE = ">="
    LT = "<"
    LE = "<="
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    EXISTS = "exists"
    MATCHES = "matches"


class Condition(DefinitionModel):
    """One condition: an `expression`, or `field`, `operator` and `value`; a bare string is an expression.

    On a `conditional` step it also carries the `next_steps` it routes to, and one may be `default: true` instead of a test.
    """

    expression: str | None = None
    """A CEL expression that gives a bool."""
    field: str | None = None
    """The left side: an expression, usually a path such as `steps.quote.output.total`."""
    operator: Operator | None = None
    """How `field` is compared with `value`."""
    value: JsonValue = None
    """The right side: a literal. `exists` takes none, or a bool."""
    default: StrictBool = False
    """Holds when no other condition of the step does."""
    next_steps: tuple[str, ...] = ()
    """Steps this condition routes to (`conditional` steps only)."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: object) -> object:
        return {"expression": data} if isinstance(data, str) else data

    @model_validator(mode="after")
    def _one_form(self) -> Condition:
        forms = [self.expression is not None, self.field is not None or self.operator is not None, self.default]
        if sum(forms) != 1:
            raise ValueError("give either 'expression', or 'field' with 'operator', or 'default: true'")
        if (self.field is None) != (self.operator is None):
            raise ValueError("'field' and 'operator' belong together")
        return self


class ErrorHandler(DefinitionModel):
    """A step that runs only when its owner fails; a bare string is the handler's step id."""

    handler: str
    """Id of the step to run."""
    on: tuple[str, ...] = ()
    """Error types it is for; empty means every type."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: object) -> object:
        return {"handler": data} if isinstance(data, str) else data


class ApproverExpression(DefinitionModel):
    """Approvers computed when the step is reached: an expression that gives a string or a list of strings."""

    expression: str
    """A CEL expression, e.g. `input.manager`."""


class Escalation(DefinitionModel):
    """Who is asked when nobody decided in time."""

    after: Seconds
    """Seconds after the request."""
    to: tuple[str, ...] = Field(min_length=1)
    """Users or groups."""


class Reminder(DefinitionModel):
    """A notice to those who have not decided yet."""

    after: Seconds
    """Seconds after the request."""
    action: str | None = None
    """The action that sends it."""


class Approval(DefinitionModel):
    """What a `human_approval` step asks, whom, and what follows.

    Names are claims of the caller: Temporal shows workflow code no verified identity, so put authentication before the
    client that sends decisions.
    """

    prompt: str = ""
    """The question as people read it."""
    subject: dict[str, JsonValue] = Field(default_factory=dict)
    """Mapping (as `input_mapping`) that builds what exactly is approved; it goes into the digest."""
    approvers: tuple[str | ApproverExpression, ...] = ()
    """Who may decide: a person, `group:NAME`, or an expression. Empty: anybody."""
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Members of groups. A group listed here is closed; for another, the decision claims membership in its `groups`."""
    required: Count = 1
    """How many distinct people must approve. One rejection rejects."""
    allow_self_approval: StrictBool = False
    """Whether the run's `started_by` may decide."""
    deadline: Seconds | None = None
    """Seconds from the request until `on_timeout`."""
    on_timeout: Literal["reject", "approve", "escalate", "fail"] = "reject"
    """What happens at the deadline."""
    escalation: Escalation | None = None
    reminders: tuple[Reminder, ...] = ()
    form: Schema = Field(default_factory=dict)
    """JSON Schema of the answer that must come with an approval."""
    on_reject: Literal["fail", "continue"] = "fail"
    """`fail`: the step fails with `ApprovalRejected`; `continue`: it completes and its output says `rejected`."""


class EventTrigger(DefinitionModel):
    """An event that a running step listens to; a bare string is the event's name. Events that came before do not count."""

    event: str
    """Name of the event."""
    match: str | None = None
    """Expression over `event` (the event's data) that must hold."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: object) -> object:
        return {"event": data} if isinstance(data, str) else data


class CancelOn(EventTrigger):
    """The event that ends a step, with all that runs inside of it; every running step that listens hears it."""

    outcome: Literal["skip", "complete", "fail"] = "skip"
    """How the step then counts: skipped (dependents go on only if another dependency completed), completed, or failed."""


class Lock(DefinitionModel):
    """A named lock of the run that a step holds while it runs; a bare string is the name. A container holds it as a whole."""

    name: str
    """Steps of the run that name the same lock share it."""
    max_concurrent: Count = 1
    """How many may hold it at a time; every step that names the lock must say the same."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: object) -> object:
        return {"name": data} if isinstance(data, str) else data


class WaitFor(DefinitionModel):
    """What a `wait` step waits for: exactly one of `seconds`, `until`, `event`."""

    seconds: Seconds | str | None = None
    """A number of seconds, or an expression that gives one."""
    until: str | None = None
    """An expression that gives a timestamp or an RFC 3339 string. A time in the past does not wait."""
    event: str | None = None
    """Name of the event; one that came earlier counts, and each is consumed once."""
    transient: StrictBool = False
    """Only an event that comes while the step waits counts."""
    match: str | None = None
    """Expression over `event` (the event's data) that must hold for this step to take it."""
    timeout: Seconds | None = None
    """Seconds to wait for the event; without it the run's own timeout is the bound."""
    on_timeout: Literal["fail", "continue"] = "fail"
    """`continue` completes the step with output null."""

    @model_validator(mode="after")
    def _one_form(self) -> WaitFor:
        if sum(x is not None for x in (self.seconds, self.until, self.event)) != 1:
            raise ValueError("give exactly one of 'seconds', 'until', 'event'")
        if self.event is None and (self.match is not None or self.timeout is not None or self.transient):
            raise ValueError("'match', 'timeout' and 'transient' belong to 'event'")
        return self


class Callback(DefinitionModel):
    """The event that answers a `webhook` call."""

    event: str
    """Name of the event to wait for."""
    match: str | None = None
    """Expression over `event` that must hold."""
    timeout: Seconds | None = None
    """Seconds to wait."""


class Webhook(DefinitionModel):
    """An outgoing HTTP request, sent by the worker's built-in action with the step's idempotency key as header.

    The output is `{status, headers, body}`, and with a `callback` also `callback`, the data of the answering event. A status
    of 400 and above fails the attempt; 408, 425, 429 and 500 and above are tried again.
    """

    url: str
    """An expression that gives the address; https unless the worker allows more."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "POST"
    headers: dict[str, JsonValue] = Field(default_factory=dict)
    """Mapping of header name to expression."""
    body: JsonValue = None
    """Mapping that builds the JSON body."""
    callback: Callback | None = None
    """Wait for the answering event after the call."""


class Agent(DefinitionModel):
    """A reasoning-action agent (`react`)."""

    model: str
    """Model name, as LangChain's `init_chat_model` takes it."""
    instructions: str = ""
    tools: tuple[str, ...] = ()
    """Actions the agent may call."""
    max_turns: Count = 10
    max_tokens: Count | None = None
    max_cost: Annotated[float, Field(gt=0, strict=True)] | None = None
    """Upper bound of the cost, in the price list's currency."""
    approve_tools: tuple[str, ...] = ()
    """Tools whose every call needs a human approval."""
    answer_schema: Schema = Field(default_factory=dict)
    """JSON Schema of the final answer."""


class Orchestrator(DefinitionModel):
    """A task-analysing agent graph (`orchestrator`)."""

    graph: str = "enterprise"
    """Name of a registered state graph."""
    task: str = ""
    """Expression that gives the task."""
    config: dict[str, JsonValue] = Field(default_factory=dict)
