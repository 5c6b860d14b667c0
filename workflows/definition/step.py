"""One step of a workflow."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import ConfigDict, Field, JsonValue, StrictBool, model_validator

from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.definition.kinds.orchestrator import Orchestrator
from advanced_workflow.workflows.definition.kinds.raising import RaisedError
from advanced_workflow.workflows.definition.kinds.react import Agent
from advanced_workflow.workflows.definition.kinds.wait import WaitFor
from advanced_workflow.workflows.definition.kinds.webhook import Webhook
from advanced_workflow.workflows.definition.model.base import (
    Count,
    CountOrExpression,
    DefinitionModel,
    Schema,
    Seconds,
    SecondsOrExpression,
)
from advanced_workflow.workflows.definition.model.conditions import Condition
from advanced_workflow.workflows.definition.model.events import CancelOn, EventTrigger
from advanced_workflow.workflows.definition.model.handlers import ErrorHandler
from advanced_workflow.workflows.definition.model.lock import Lock
from advanced_workflow.workflows.definition.model.markers import (
    BOOL,
    LIST,
    NUMBER,
    ActionName,
    Expr,
    For,
    MakesResult,
    Mapped,
    Moment,
    Name,
    Needed,
    Nested,
    QueueName,
    Spelled,
    StepName,
    Targets,
    Tested,
    Trait,
    WithinRun,
)
from advanced_workflow.workflows.definition.model.retries import RetryPolicy
from advanced_workflow.workflows.definition.model.rollback import RollbackAction, undo_call
from advanced_workflow.workflows.definition.model.roots import PROGRESS, RESULT
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType

StepId = Annotated[
    str,
    Field(pattern=r"^[A-Za-z_][A-Za-z0-9_-]{0,127}$"),
    Spelled("a letter or '_', then letters, digits, '_' or '-', at most 128 characters"),
]
"""A letter or underscore, then letters, digits, `_` or `-`; at most 128 characters."""


# A serialised object of the older vocabulary carries run-time fields; at these values they say nothing and are dropped.
RUNTIME_DEFAULTS: dict[str, Any] = {
    "status": StepStatus.PENDING.value,
    "start_time": None,
    "end_time": None,
    "execution_data": {},
    "error_info": None,
    "retry_count": 0,
}


class WorkflowStep(DefinitionModel):
    """One step of a workflow.

    A field that means nothing for the `step_type` must be left at its default; `check` reports it otherwise.
    """

    model_config = ConfigDict(json_schema_extra={"title": "WorkflowStep"})

    step_id: StepId
    """Unique in the whole definition, nested steps included."""
    name: Annotated[str, Name("the name", 200, may_be_empty=True)] = ""
    """How people see the step; the id when empty."""
    step_type: Annotated[StepType, MakesResult()] = StepType.SEQUENTIAL
    """What the step does."""

    action: Annotated[
        str | None,
        For(Trait.NAMES_ACTION),
        Needed("Name the action to run; 'adw actions' lists them.", frozenset({StepType.SEQUENTIAL, StepType.WORKER})),
        ActionName(),
        MakesResult(),
    ] = None
    """The Temporal activity to run, by its very name."""
    agent_capability: Annotated[str | None, For(Trait.CALLS), QueueName(), MakesResult()] = None
    """Task queue of the workers that can do it; the run's own queue when empty."""
    timeout: Annotated[SecondsOrExpression, For(Trait.TRIED)] = 300
    """How long one attempt may take: a time, or as in the next three an expression that gives one when the step starts."""
    total_timeout: Annotated[SecondsOrExpression | None, For(Trait.CALLS), WithinRun()] = None
    """How long all attempts together may take, waiting in the queue included."""
    heartbeat_timeout: Annotated[
        SecondsOrExpression | None, For(Trait.NAMES_ACTION, StepType.REACT, StepType.ORCHESTRATOR)
    ] = None
    """Time without a sign of life after which an attempt counts as lost. Default 10 for Python actions on the run's own queue and for
    webhooks, which beat by themselves, 30 for the model calls of agents; none for others."""
    queue_timeout: Annotated[SecondsOrExpression | None, For(Trait.CALLS)] = None
    """Time until a worker must have taken the step. Default 300 on a capability's queue, none otherwise."""

    execution: Annotated[Literal["regular", "local"], For(Trait.NAMES_ACTION)] = "regular"
    """`local` runs the action inside the run's own worker as a local activity: faster for actions of a few seconds."""

    input_mapping: Annotated[dict[str, JsonValue], For(Trait.TAKES_INPUT), Mapped(sees_rounds=True), MakesResult()] = (
        Field(default_factory=dict)
    )
    """Parameter -> expression; other JSON values are literals, nested objects are walked."""
    output_mapping: Annotated[
        dict[str, str],
        For.all_but(StepType.ROLLBACK),
        Targets(RESULT, sees_inside=True, at=Moment.ENDED),
        MakesResult(),
    ] = Field(default_factory=dict)
    """Expression over `result` -> target path such as `workflow.order.id`; a path ending in `[]` appends."""
    input_validation: Annotated[Schema, For(Trait.TAKES_INPUT)] = Field(default_factory=dict)
    """JSON Schema of the mapped input."""

    dependencies: Annotated[tuple[str, ...], StepName("dependency")] = ()
    """Steps that must be settled before this one starts."""
    conditions: Annotated[
        tuple[Condition, ...],
        Tested(at=Moment.CHOOSING),
        Needed("Add conditions with 'next_steps'.", frozenset({StepType.CONDITIONAL})),
        MakesResult(),
    ] = ()
    """All must hold, else the step is skipped; on a `conditional` step they carry the routes."""
    next_steps: Annotated[tuple[str, ...], StepName("next")] = ()
    """The same edges written at their other end."""
    error_handlers: tuple[ErrorHandler, ...] = ()
    """Steps that run, in this order, only when this one fails; when they complete it counts as recovered."""
    join: Annotated[
        Literal["all", "any"] | Count | str,
        Expr(
            gives=BOOL | NUMBER,
            words=frozenset({"all", "any"}),
            fix="Write 'all', 'any', a number, or an expression that gives a number or a bool.",
            at=Moment.JOINING,
        ),
    ] = "all"
    """How many dependencies must complete before the step starts: `all` (and none may fail), `any`, a number, or an
    expression that gives a number, or a bool that says whether to start; it is looked at each time one settles."""
    cancel_rest: StrictBool = False
    """Whether the join cancels the dependencies it no longer needs, with what leads only to them; they count as skipped."""
    lock: Lock | None = None
    """A critical section: the named lock the step holds from its start to its end."""
    cancel_on: Annotated[CancelOn | None, MakesResult()] = None
    """An event that ends the step while it runs or waits."""

    retry_policy: RetryPolicy = RetryPolicy()
    """Overrides the workflow's, field by field."""
    rollback_actions: Annotated[tuple[str | RollbackAction, ...], For(Trait.TRIED), ActionName()] = ()
    """Actions that undo this step, called in this order. A bare name runs where the step ran; `{action, agent_capability}` says the queue, which is the
    run's own without `agent_capability`."""
    rollback_mapping: Annotated[
        dict[str, JsonValue], For(Trait.TRIED), Mapped(RESULT, sees_inside=True, sees_itself=True, at=Moment.UNDOING)
    ] = Field(default_factory=dict)
    """Builds the input of the undo actions (scope: `result` and the usual roots) instead of the standard object."""
    rollback_timeout: Annotated[Seconds, For(Trait.TRIED)] = 3600
    """Seconds an undo action is retried."""
    rollback_to: Annotated[str | None, For(StepType.ROLLBACK), StepName("rollback_to")] = None
    """`rollback` steps: undo what came after this step and keep it."""

    parallel_steps: Annotated[tuple[WorkflowStep, ...], For(StepType.PARALLEL), Nested(), MakesResult()] = ()
    """`parallel` steps: the nested graph."""
    for_each: Annotated[str | None, For(StepType.PARALLEL), Expr(gives=LIST), MakesResult()] = None
    """`parallel` steps: expression giving a list; one copy of the nested graph per item (in scope: `item`, `index` from 0)."""
    max_concurrency: Annotated[CountOrExpression | None, For(StepType.PARALLEL)] = None
    """`parallel` steps: how many nested steps or copies run at a time, or an expression that gives it when the step starts; of copies never more than 1,000."""
    add_on: Annotated[EventTrigger | None, For(StepType.PARALLEL), MakesResult()] = None
    """`parallel` steps with `for_each`: an event whose data is one more item, as long as a copy runs."""
    complete_when: Annotated[
        str | None,
        For(StepType.PARALLEL),
        Expr(PROGRESS, gives=BOOL, sees_inside=True, at=Moment.COUNTING),
        MakesResult(),
    ] = None
    """`parallel` steps: expression over `progress` (`total`, `completed`, `failed`) and the usual roots, looked at whenever a
    nested step or copy ends; once it holds the step is complete, and what still runs inside is cancelled."""

    tolerated_failure: Annotated[
        Literal["undo", "keep"], For(StepType.PARALLEL, StepType.LOOP, StepType.REACT, StepType.ORCHESTRATOR)
    ] = "undo"
    """`parallel`, `loop`, `react` and `orchestrator` steps: what becomes of what a failure inside left done where the run goes on all the same. It is tolerated
    by the success rate or `complete_when`, then the copy that failed (or without `for_each` the branch: the steps that depend on
    each other, with the one that failed) is undone; or by `continue_on_failure` of this step, then all of it. `keep` leaves it."""

    loop_condition: Annotated[
        str | None,
        For(StepType.LOOP),
        Needed("Add the expression that must hold for another round."),
        Expr(gives=BOOL, sees_inside=True, sees_rounds=True, at=Moment.BETWEEN_ROUNDS),
        MakesResult(),
    ] = None
    """`loop` steps: repeats while it holds. It sees the latest round's steps and `iteration`, the number of finished rounds;
    a loop over an `action` sees its latest output as its own `steps.<id>.output`."""
    loop_max_iterations: Annotated[Count, For(StepType.LOOP), MakesResult()] = 100
    """`loop` steps: reaching it with the condition still true fails the step."""
    loop_check: Annotated[Literal["before", "after"], For(StepType.LOOP), MakesResult()] = "before"
    """`loop` steps: when the condition is looked at."""
    body: Annotated[tuple[WorkflowStep, ...], For(StepType.LOOP), Nested(), MakesResult()] = ()
    """`loop` steps: the nested graph of a round (in scope: `iteration`, the number of the round from 0)."""

    mode: Annotated[Literal["first", "all"], For(StepType.CONDITIONAL), MakesResult()] = "first"
    """`conditional` steps: route by the first condition that holds, or by all that hold."""
    approval: Annotated[Approval | None, For(StepType.HUMAN_APPROVAL), MakesResult()] = None
    """`human_approval` steps: what is asked of whom. Without it anybody may approve."""
    wait: Annotated[
        WaitFor | None, For(StepType.WAIT), Needed("Add 'wait' with 'seconds', 'until' or 'event'."), MakesResult()
    ] = None
    """`wait` steps: what is waited for."""
    webhook: Annotated[Webhook | None, For(StepType.WEBHOOK), Needed("Add 'webhook' with 'url'."), MakesResult()] = None
    """`webhook` steps: the request."""
    workflow: Annotated[
        str | None,
        For(StepType.SUB_WORKFLOW),
        Needed("Name the definition to run."),
        Name("the name of a definition", 200),
        MakesResult(),
    ] = None
    """`sub_workflow` steps: id of the registered definition to run as a child; its result is the step's output."""
    workflow_version: Annotated[str | None, For(StepType.SUB_WORKFLOW), MakesResult()] = None
    """`sub_workflow` steps: the version it must have; any when empty."""
    agent: Annotated[Agent | None, For(StepType.REACT), Needed("Add 'agent' with 'model'."), MakesResult()] = None
    """`react` steps: the agent."""
    orchestrator: Annotated[
        Orchestrator | None, For(StepType.ORCHESTRATOR), Needed("Add 'orchestrator'."), MakesResult()
    ] = None
    """`orchestrator` steps: the graph."""
    error: Annotated[
        RaisedError | None, For(StepType.RAISE), Needed("Add 'error' with 'type' and 'message'."), MakesResult()
    ] = None
    """`raise` steps: the failure."""

    metrics_enabled: StrictBool = True
    """Whether the step's duration and outcome are recorded as metrics."""
    custom_metrics: Annotated[tuple[str, ...], Name("the name of a metric", 200)] = ()
    """Names of numbers in the step's output that are recorded as metrics."""

    @model_validator(mode="before")
    @classmethod
    def _drop_runtime_defaults(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        given = cast("dict[str, object]", data)
        if RUNTIME_DEFAULTS.keys().isdisjoint(given):
            return given
        fields = dict(given)
        for name, default in RUNTIME_DEFAULTS.items():
            if name in fields and fields[name] == default:
                del fields[name]
        return fields

    @property
    def undo_calls(self) -> tuple[RollbackAction, ...]:
        """The undo actions, each with the queue it runs on."""
        return tuple(undo_call(one, self.agent_capability) for one in self.rollback_actions)

    @property
    def label(self) -> str:
        """What people read: the name, or the id."""
        return self.name or self.step_id
