"""The steps of a plan and the graphs they form: definitions with their expressions, each compiled when first needed.

Compiling on first use keeps the start of a run with thousands of steps short. A step plan is immutable all the same: what it
compiles depends on the definition alone, so runs that share it see the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from advanced_workflow.workflows.contract import RetryDelay
from advanced_workflow.workflows.definition.kinds.human_approval import ApproverExpression
from advanced_workflow.workflows.definition.kinds.orchestrator import Worker
from advanced_workflow.workflows.definition.kinds.react import Agent, Tool
from advanced_workflow.workflows.definition.kinds.table import KINDS
from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.handlers import ErrorHandler
from advanced_workflow.workflows.definition.model.marked import marks_of
from advanced_workflow.workflows.definition.model.markers import Expr, Interpolated
from advanced_workflow.workflows.definition.model.retries import (
    BackoffStrategy,
    CircuitBreakerPolicy,
    RetryPolicy,
    chosen,
)
from advanced_workflow.workflows.definition.model.roots import STEP, roots_at
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.engine.graph.edges import turned_round
from advanced_workflow.workflows.engine.graph.limits import Computed, computed_numbers
from advanced_workflow.workflows.engine.graph.scheduler import Graph
from advanced_workflow.workflows.expressions import (
    CompiledCondition,
    Expression,
    OutputMapping,
    Reference,
    Template,
    compile_condition,
    compile_expression,
    compile_mapping,
    compile_targets,
    compile_test,
    parse_target,
)
from advanced_workflow.workflows.plain.interpolation import expressions_in

_REPEATING = (StepType.LOOP, StepType.REACT, StepType.ORCHESTRATOR)


@dataclass(frozen=True, slots=True)
class Retries:
    """A step's retry policy with every default filled in (seconds)."""

    max_attempts: int
    strategy: BackoffStrategy
    delay: float
    multiplier: float
    max_delay: float
    jitter: float
    non_retryable: tuple[str, ...]
    continue_on_failure: bool
    success_threshold: float
    breaker: CircuitBreakerPolicy | None = None

    @property
    def growth(self) -> RetryDelay:
        """How the delay before a retry grows, as it is sent to workers."""
        return RetryDelay(
            strategy=self.strategy.value,
            delay=self.delay,
            multiplier=self.multiplier,
            max_delay=self.max_delay,
            jitter=self.jitter,
        )


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """One route of a conditional step; without a condition it is the default."""

    condition: CompiledCondition | None
    targets: tuple[str, ...]


@dataclass(frozen=True)
class StepPlan:
    """One step, ready to run."""

    step: WorkflowStep
    containers: tuple[str, ...]
    owners: tuple[str, ...]
    """Steps whose failure this one handles."""
    defaults: RetryPolicy
    """The definition's retry policy, for what the step's own leaves out."""
    children: GraphPlan | None = None
    roots: frozenset[str] = roots_at()
    """The names its expressions may use: one more would forbid it as a variable, which `check` allows."""
    tools: Mapping[str, StepPlan] = field(default_factory=dict[str, "StepPlan"])
    """Of an agent: its tools by the names that the model calls them; of an orchestrator all that it may run."""
    tool: Tool | None = None
    """Where the step is a call of a tool: the tool."""

    @property
    def step_id(self) -> str:
        """The step's id."""
        return self.step.step_id

    @cached_property
    def retries(self) -> Retries:
        """The step's retry policy with every default filled in."""
        return _retries_of(self.step.retry_policy, self.defaults)

    @cached_property
    def computed(self) -> tuple[Computed, ...]:
        """The numbers that expressions give when the step starts."""
        # An orchestrator's own agents have the times of its step, which may read `step`; it is always in scope.
        return tuple(computed_numbers(self.step, self.roots | STEP))

    @property
    def is_local(self) -> bool:
        """Whether its actions run beside the workflow, as local activities."""
        return self.step.execution == "local"

    @property
    def repeats(self) -> bool:
        """Whether what is inside runs more than once, each time under a path of its own."""
        return self.step.step_type in _REPEATING or self.step.for_each is not None

    @property
    def ends_in_order(self) -> bool:
        """Whether what is inside runs pass after pass, so that the latest pass is undone first."""
        return self.step.step_type in _REPEATING

    @cached_property
    def conditions(self) -> tuple[CompiledCondition, ...]:
        """What must hold for the step to run; a conditional step's conditions are its routes."""
        if self.step.step_type is StepType.CONDITIONAL:
            return ()
        return tuple(compile_condition(one, self._names(WorkflowStep, "conditions")) for one in self.step.conditions)

    @cached_property
    def routes(self) -> tuple[RoutePlan, ...]:
        """Where a conditional step may lead."""
        names = self._names(WorkflowStep, "conditions")
        return tuple(
            RoutePlan(None if one.default else compile_condition(one, names), one.next_steps)
            for one in self.step.conditions
        )

    @cached_property
    def input(self) -> Template | None:
        """Builds the action's input."""
        return self._template(self.step, "input_mapping")

    @cached_property
    def outputs(self) -> OutputMapping | None:
        """Writes the result to the workflow's variables."""
        mapping = self.step.output_mapping
        return compile_targets(mapping, self._names(WorkflowStep, "output_mapping")) if mapping else None

    @cached_property
    def undo_input(self) -> Template | None:
        """Builds the undo actions' input instead of the standard one."""
        return self._template(self.step, "rollback_mapping")

    @cached_property
    def undo_input_without_result(self) -> Template | None:
        """The same where there is no result, as it is not known what the action did: what reads it, and cannot be evaluated, is null."""
        step = self.step
        written = {parse_target(one).path[:1] for one in step.output_mapping.values()}

        def may_lack(read: Reference) -> bool:
            own = read.root == "steps" and read.path[:1] == (self.step_id,)
            return read.root == "result" or own or (read.root == "workflow" and read.path[:1] in written)

        mapping = step.rollback_mapping
        return compile_mapping(mapping, self._names(WorkflowStep, "rollback_mapping"), may_lack) if mapping else None

    @cached_property
    def instructions(self) -> tuple[Expression, ...]:
        """The expressions in an agent's instructions, in their order."""
        text = self.step.agent.instructions if self.step.agent is not None else ""
        names = self._names(Agent, "instructions")
        return tuple(compile_expression(one, names) for one in expressions_in(text))

    @cached_property
    def prompt(self) -> Expression | None:
        """What gives the first message to an agent."""
        return self._expression(self.step.agent, "prompt")

    @cached_property
    def task(self) -> Expression | None:
        """What gives an orchestrator its task."""
        return self._expression(self.step.orchestrator, "task")

    @cached_property
    def when(self) -> CompiledCondition | None:
        """Whether a subtask for a worker is done."""
        source = self.tool.when if isinstance(self.tool, Worker) else None
        return None if source is None else compile_test(source, self._names(Worker, "when"))

    @cached_property
    def approve(self) -> Expression | None:
        """Which calls of a tool people must approve, where that depends on the call."""
        return self._expression(self.tool, "approve")

    @cached_property
    def subject(self) -> Template | None:
        """Builds what exactly is approved."""
        return self._template(self.step.approval, "subject")

    @cached_property
    def approvers(self) -> tuple[str | Expression, ...]:
        """Names, and expressions that give names."""
        entries = self.step.approval.approvers if self.step.approval else ()
        names = self._names(ApproverExpression, "expression")
        return tuple(one if isinstance(one, str) else compile_expression(one.expression, names) for one in entries)

    @cached_property
    def wait_value(self) -> Expression | float | None:
        """What gives the time to wait: for or until."""
        wait = self.step.wait
        if wait is None or wait.until is not None:
            return self._expression(wait, "until")
        return self._expression(wait, "seconds") if isinstance(wait.seconds, str) else wait.seconds

    @cached_property
    def event_match(self) -> Expression | None:
        """Whether an event is the one waited for, by a `wait` step or for a webhook's callback."""
        return self._expression(self.step.wait or (self.step.webhook and self.step.webhook.callback), "match")

    @cached_property
    def cancel_match(self) -> Expression | None:
        """Whether an event is the one that ends the step."""
        return self._expression(self.step.cancel_on, "match")

    @cached_property
    def add_match(self) -> Expression | None:
        """Whether an event is one more item."""
        return self._expression(self.step.add_on, "match")

    @cached_property
    def join(self) -> Expression | None:
        """The join, where it is an expression."""
        return self._expression(self.step, "join")

    @cached_property
    def items(self) -> Expression | None:
        """What a fan-out runs over."""
        return self._expression(self.step, "for_each")

    @cached_property
    def complete_when(self) -> CompiledCondition | None:
        """Whether a container needs no more of what runs inside."""
        return self._test("complete_when")

    @cached_property
    def loop_condition(self) -> CompiledCondition | None:
        """Whether a loop continues."""
        return self._test("loop_condition")

    @cached_property
    def request(self) -> Template | None:
        """Builds what a step of its kind sends: the expressions in the kind's own field that need nothing but ordinary names."""
        part: DefinitionModel | None = KINDS[self.step.step_type].value(self.step)
        if part is None:
            return None
        values = {
            name: value
            for name, mark in marks_of(type(part), Expr).items()
            if not (
                mark.adds
                or isinstance(mark, Interpolated)
                or (isinstance(value := getattr(part, name), str) and value in mark.words)
            )
        }
        return compile_mapping(values, self.roots)

    def _names(self, model: type[DefinitionModel], field: str) -> frozenset[str]:
        """The names that the expressions of a field may use: `check` asks the same marker."""
        return marks_of(model, Expr)[field].names(self.roots, on_loop=self.step.step_type is StepType.LOOP)

    def _expression(self, part: DefinitionModel | None, field: str) -> Expression | None:
        source = getattr(part, field) if part is not None else None
        if part is None or not isinstance(source, str) or source in marks_of(type(part), Expr)[field].words:
            return None
        return compile_expression(source, self._names(type(part), field))

    def _test(self, field: str) -> CompiledCondition | None:
        source: str | None = getattr(self.step, field)
        return compile_test(source, self._names(WorkflowStep, field)) if source is not None else None

    def _template(self, part: DefinitionModel | None, field: str) -> Template | None:
        mapping = getattr(part, field) if part is not None else None
        return compile_mapping(mapping, self._names(type(part), field)) if part is not None and mapping else None


@dataclass(frozen=True)
class GraphPlan:
    """The steps of one graph and the edges between them."""

    steps: Mapping[str, StepPlan]
    shape: Graph

    @cached_property
    def reversed(self) -> Graph:
        """The same edges turned round, for undoing."""
        return turned_round(self.shape)


def _retries_of(own: RetryPolicy, defaults: RetryPolicy) -> Retries:
    """Fill a policy field by field: the step's, else the workflow's, else the documented default."""

    def pick(name: str) -> Any:  # noqa: ANN401 - one function for fields of several types
        return chosen(name, own, defaults)

    return Retries(
        max_attempts=pick("max_attempts"),
        strategy=pick("backoff_strategy"),
        delay=pick("delay"),
        multiplier=pick("backoff_multiplier"),
        max_delay=pick("max_delay"),
        jitter=pick("jitter"),
        non_retryable=pick("non_retryable"),
        continue_on_failure=pick("continue_on_failure"),
        success_threshold=pick("parallel_failure_threshold"),
        breaker=pick("circuit_breaker"),
    )


def handlers_for(plan: StepPlan, error_type: str) -> tuple[ErrorHandler, ...]:
    """The step's error handlers that are for this type of error, in their order."""
    return tuple(one for one in plan.step.error_handlers if not one.on or error_type in one.on)
