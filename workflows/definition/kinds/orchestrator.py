"""`orchestrator` steps: a graph that analyses a task, plans it, and has workers do it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final, Literal

from pydantic import Field, JsonValue, StrictBool

from advanced_workflow.workflows.definition.kinds.human_approval import Approval, approval_problems
from advanced_workflow.workflows.definition.kinds.kind import LONGEST, Kind
from advanced_workflow.workflows.definition.kinds.react import Tool, name_problems, tool_problems
from advanced_workflow.workflows.definition.model.base import Count, DefinitionModel
from advanced_workflow.workflows.definition.model.markers import (
    BOOL,
    Expr,
    Interpolated,
    Name,
    Sees,
    Trait,
)
from advanced_workflow.workflows.definition.model.model_settings import ModelSettings
from advanced_workflow.workflows.definition.model.roots import CALL, ORCHESTRATED
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, listed, nearest, problem, shorten, warning
from advanced_workflow.workflows.definition.problems.problem import Problem

ENTERPRISE: Final = "enterprise"
"""The graph that comes with the engine."""
ANALYST, REACT, APPROVAL, MODEL = "analyst", "react", "approval", "model"
"""How the paths of what the graph does by itself end: the agent that analyses the task, the one that works on an open-ended task, and
what people are asked; of a graph of one's own what asks its model."""
_RESERVED: Final = (ANALYST, REACT, APPROVAL)

Strategy = Literal["parallel", "conditional", "react", "approval", "error"]
Recovery = Literal["retry", "another", "degrade", "replan", "person"]


class Worker(Tool):
    """What subtasks are given to: as a tool of an agent exactly one of `action`, `workflow`, `webhook`, `agent` and `mcp` with `tool`.

    Each subtask is a step of its own. Expressions see `call` (what the plan gives to the subtask), `task` and `results`.
    """

    capability: Annotated[str | None, Name("the name of a capability", 200)] = None
    """What it can do: workers of one capability take each other's place."""
    sensitive: StrictBool = False
    """Whether people must approve its subtasks, with what exactly they are given, before they begin."""
    optional: StrictBool = False
    """Whether the task goes on without what it was to give, where it fails."""
    needs: tuple[str, ...] = ()
    """Analysis by rules: workers whose subtasks come first."""
    when: Annotated[str | None, Expr(gives=BOOL)] = None
    """Expression over `task`, `results` and the usual roots: whether a subtask for it is done. It is looked at when its turn comes."""


class Orchestrator(DefinitionModel):
    """An orchestrator: analyses a task, plans it as subtasks for its workers, runs the plan, and plans again where something fails.

    `timeout` and `retry_policy` of the step are those of one model call.
    """

    graph: Annotated[str, Name("the name of a graph", 200)] = ENTERPRISE
    """The graph: `enterprise` comes with the engine, any other name is that of a graph of one's own that workers serve. Its nodes call the
    `workers` and ask the `model`, it begins with the mapped input, and its last state is the output."""
    task: Annotated[str, Expr(words=frozenset({""}))] = ""
    """Expression that gives the task; the step's mapped input when empty. With analysis by rules an object with `subtasks` is a plan."""
    analysis: Literal["rules", "model"] = "rules"
    """Who makes the plan. `rules`: one subtask for each capability, or those of the task; `model`: the model is asked."""
    model: Annotated[str | None, Name("the name of a model", 200)] = None
    """Of the analysis and of the agent that works on open-ended tasks, as an agent's `model`."""
    fallback_models: Annotated[tuple[str, ...], Name("the name of a model", 200)] = ()
    """Models that are asked, in this order, where the one before failed for good."""
    model_settings: ModelSettings = ModelSettings()
    instructions: Annotated[str, Interpolated()] = ""
    """What the model is told beside the rules of plans; `{{ expression }}` is replaced by its value."""
    strategies: tuple[Strategy, ...] = ("parallel", "conditional", "react", "approval", "error")
    """What it may do; to end the task it always may."""
    workers: Annotated[tuple[Worker, ...], Sees(CALL | ORCHESTRATED)] = ()
    """Who may be given subtasks; a bare string is an action's name."""
    approve_plan: StrictBool = False
    """Whether people must approve each plan before any of it is done."""
    approval: Approval | None = None
    """Whom it asks, and until when. Without it anybody may decide."""
    recovery: tuple[Recovery, ...] = ("another", "degrade", "replan")
    """What is tried, in this order, where a subtask fails, once what it did is undone: `retry` it once, give it to `another` worker of
    its capability, `degrade` (go on without what an optional worker was to give), `replan` (analysis by a model, and the rest of its
    branch is undone too), ask a `person` whether to go on without it. Else the step fails."""
    max_steps: Count = 50
    """How many subtasks there may be, those done again included; in a graph of one's own how many rounds of nodes."""
    max_replans: Annotated[int, Field(ge=0, le=100, strict=True)] = 3
    """How often the model is asked for another plan, because it is wrong or because a subtask failed."""
    max_turns: Count = 10
    """How often the model may be asked for one analysis, and by the agent of an open-ended task."""
    max_tokens: Count | None = None
    """Tokens that its own model calls together may take."""
    max_cost: Annotated[float, Field(gt=0, strict=True)] | None = None
    """What they together may cost, in the currency of the worker's price table."""
    on_limit: Literal["fail", "answer"] = "fail"
    """`fail`: the step fails with `AgentLimitExceeded`; `answer`: it ends with the results there are, and names the limit."""
    config: dict[str, JsonValue] = Field(default_factory=dict)
    """What the nodes of a graph of one's own see as `context.config`."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the workers."""
        return tuple(worker.label for worker in self.workers)

    def worker(self, label: str) -> Worker | None:
        """The worker of a name."""
        return next((one for one in self.workers if one.label == label), None)

    @property
    def models(self) -> tuple[str, ...]:
        """All it may ask by itself, the first one first."""
        return () if self.model is None else (self.model, *self.fallback_models)

    @property
    def may_ask(self) -> bool:
        """Whether it may ask people by itself."""
        return (
            self.graph != ENTERPRISE
            or self.approve_plan
            or "person" in self.recovery
            or any(one.sensitive for one in self.workers)
        )


def _problems(made: Orchestrator, loc: Loc) -> Iterator[Problem]:
    if made.graph != ENTERPRISE:
        yield from _own_graph_problems(made, loc)
        return
    if not made.workers:
        yield problem(Code.MISSING_FIELD, (*loc, "workers"), "it has no workers.", "Name who may be given subtasks.")
    yield from name_problems(made.workers, (*loc, "workers"), "workers")
    for index, worker in enumerate(made.workers):
        yield from _worker_problems(made, worker, (*loc, "workers", index))
    yield from _order_problems(made, loc)
    yield from _model_problems(made, loc)
    yield from _people_problems(made, loc)


def _own_graph_problems(made: Orchestrator, loc: Loc) -> Iterator[Problem]:
    """Where the graph is one of the user's: its workers are what its nodes may call."""
    yield from name_problems(made.workers, (*loc, "workers"), "workers")
    for index, worker in enumerate(made.workers):
        place = (*loc, "workers", index)
        if worker.label in (MODEL, APPROVAL):
            message = f"{worker.label!r} is what the graph calls something of its own."
            yield problem(Code.RESERVED_NAME, place, message, "Give the worker another 'name'.")
        yield from tool_problems(worker, place, asks=worker.asks)
        yield from _set_problems(worker, place)
        for name in sorted(worker.model_fields_set & _OF_PLANS):
            message = f"'{name}' means nothing in a graph of one's own, whose nodes say what is called."
            fix = "Use 'approve: true'." if name == "sensitive" else "Remove it."
            yield problem(Code.MEANINGLESS_FIELD, (*place, name), message, fix)
    for name in sorted(made.model_fields_set & _OF_THE_ENTERPRISE):
        message = f"'{name}' means nothing in a graph of one's own."
        yield problem(Code.MEANINGLESS_FIELD, (*loc, name), message, f"Remove it, or use the graph {ENTERPRISE!r}.")
    yield from _model_fields_problems(made, loc)
    if made.approval is not None:
        yield from approval_problems(made.approval, (*loc, "approval"))
        if made.approval.subject:
            message = "'subject' means nothing here: what is approved is what 'interrupt()' asks."
            yield warning(Code.MEANINGLESS_FIELD, (*loc, "approval", "subject"), message, "Remove it.")


_OF_PLANS: Final = frozenset({"capability", "sensitive", "optional", "needs", "when"})
_OF_THE_ENTERPRISE: Final = frozenset({"analysis", "strategies", "approve_plan", "recovery", "max_replans"})


def _model_fields_problems(made: Orchestrator, loc: Loc) -> Iterator[Problem]:
    if made.model is None:
        names = ("fallback_models", "model_settings", "instructions", "max_turns", "max_tokens", "max_cost")
        for name in (one for one in names if one in made.model_fields_set):
            message = f"'{name}' means nothing without a 'model'."
            yield warning(Code.MEANINGLESS_FIELD, (*loc, name), message, "Add 'model', or remove it.")


def _worker_problems(made: Orchestrator, worker: Worker, loc: Loc) -> Iterator[Problem]:
    if worker.label in _RESERVED:
        message = f"{worker.label!r} is what the orchestrator calls something of its own."
        yield problem(Code.RESERVED_NAME, loc, message, "Give the worker another 'name'.")
    yield from tool_problems(worker, loc, asks=worker.asks)
    yield from _set_problems(worker, loc)
    for number, name in enumerate(worker.needs):
        if name not in made.labels:
            fix = nearest(name, made.labels) or f"It has: {listed(list(made.labels))}."
            yield problem(Code.WRONG_VALUE, (*loc, "needs", number), f"there is no worker {name!r}.", fix)
    if worker.needs and made.analysis == "model":
        message = "'needs' means nothing where the model makes the plan."
        yield warning(Code.MEANINGLESS_FIELD, (*loc, "needs"), message, "Remove it, and say it in 'instructions'.")
    if worker.sensitive and "approval" not in made.strategies:
        message = f"worker {worker.label!r} is sensitive, and nobody may be asked."
        yield problem(Code.WRONG_VALUE, (*loc, "sensitive"), message, "Add 'approval' to 'strategies'.")
    if worker.when is not None and "conditional" not in made.strategies:
        message = "'when' means nothing without the strategy 'conditional'."
        yield problem(Code.WRONG_VALUE, (*loc, "when"), message, "Add 'conditional' to 'strategies', or remove it.")


def _set_problems(worker: Worker, loc: Loc) -> Iterator[Problem]:
    if worker.is_set:
        message = "a worker is one tool of an MCP server, and this one may be any of them."
        fix = "Name the 'tool', or give the server to an agent that is the worker."
        yield problem(Code.MISSING_FIELD, (*loc, "tool"), message, fix)


def _order_problems(made: Orchestrator, loc: Loc) -> Iterator[Problem]:
    """Workers that need each other in a circle."""
    needs = {one.label: one.needs for one in made.workers}
    left = dict(needs)
    while free := [name for name, needed in left.items() if not any(one in left for one in needed)]:
        for name in free:
            del left[name]
    if left:
        names = list(left)
        place = (*loc, "workers", made.labels.index(names[0]), "needs")
        message = f"workers {listed([repr(one) for one in names])} need each other in a circle."
        yield problem(Code.CYCLE, place, message, "Remove one of these 'needs'.")


def _model_problems(made: Orchestrator, loc: Loc) -> Iterator[Problem]:
    if made.analysis == "model" and made.model is None:
        message = "the model makes the plan, and none is named."
        yield problem(Code.MISSING_FIELD, (*loc, "model"), message, "Add 'model', or use 'analysis: rules'.")
    if "parallel" not in made.strategies and not ("react" in made.strategies and made.model is not None):
        message = "without the strategies 'parallel', or 'react' with a 'model', nothing can be done."
        yield problem(Code.WRONG_VALUE, (*loc, "strategies"), message, "Add 'parallel'.")
    yield from _model_fields_problems(made, loc)
    if made.analysis == "rules" and "replan" in made.recovery and "recovery" in made.model_fields_set:
        message = "'replan' means nothing where rules make the plan: it would be the same one."
        yield warning(Code.MEANINGLESS_FIELD, (*loc, "recovery"), message, "Remove it, or use 'analysis: model'.")


def _people_problems(made: Orchestrator, loc: Loc) -> Iterator[Problem]:
    if made.approve_plan and "approval" not in made.strategies:
        message = "each plan is to be approved, and nobody may be asked."
        yield problem(Code.WRONG_VALUE, (*loc, "approve_plan"), message, "Add 'approval' to 'strategies'.")
    if made.approval is None:
        return
    yield from approval_problems(made.approval, (*loc, "approval"))
    if not made.may_ask:
        message = "'approval' means nothing where people are asked nothing."
        fix = "Add 'approve_plan: true', a sensitive worker or the recovery 'person', or remove it."
        yield warning(Code.MEANINGLESS_FIELD, (*loc, "approval"), message, fix)
    for name in ("subject", "form"):
        if getattr(made.approval, name):
            message = f"'{name}' means nothing here: what is approved are the subtasks."
            yield warning(Code.MEANINGLESS_FIELD, (*loc, "approval", name), message, "Remove it.")


def _lines(made: Orchestrator) -> Iterator[str]:
    own = made.graph != ENTERPRISE
    yield shorten(made.graph if own else f"{made.graph}, analysis by {made.analysis}", LONGEST)
    if made.workers:
        yield f"workers: {shorten(', '.join(made.labels), LONGEST)}"


_OUTPUT: Final = ("results", "degraded", "decisions", "complexity_score", "replans", "limit")
KIND = Kind[Orchestrator](
    StepType.ORCHESTRATOR,
    frozenset({Trait.CALLS, Trait.TRIED, Trait.TAKES_INPUT}),
    field="orchestrator",
    output=lambda made: _OUTPUT if made is None or made.graph == ENTERPRISE else None,
    problems=_problems,
    lines=_lines,
    drawn=("(((", ")))"),
)
