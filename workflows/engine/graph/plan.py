"""Turns a definition into a plan: every name and edge resolved, once per definition.

A plan is immutable and depends on the definition alone, so runs of one definition share it (`plan_of` caches by sha256).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from advanced_workflow.workflows.contract.paths import StepPath, handler_key
from advanced_workflow.workflows.definition.kinds.react import Tool
from advanced_workflow.workflows.definition.model.retries import RetryPolicy
from advanced_workflow.workflows.definition.model.roots import ORDINARY, roots_at, with_names
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.tools import asking_step, roots_of_tools, tool_steps
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph.edges import graph_of
from advanced_workflow.workflows.engine.graph.step_plan import GraphPlan, StepPlan
from advanced_workflow.workflows.expressions import Template, compile_mapping
from advanced_workflow.workflows.plain.cache import WeighedCache


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole definition, ready to run."""

    workflow: AdvancedWorkflow
    sha256: str
    root: GraphPlan
    steps: Mapping[str, StepPlan]
    """Every step of the definition by id, nested ones included."""
    runnable: Mapping[str, StepPlan]
    """These, and the tools of agents and orchestrators: all that may have a record, and effects."""
    output: Template | None

    def is_asked_for(self, plan: StepPlan) -> bool:
        """Whether it is a tool and people approve every call of it."""
        if plan.tool is None:
            return False
        agent = self.runnable[plan.containers[-1]].step.agent
        return plan.tool.approve is True or (agent is not None and agent.asks_for(plan.tool))

    def plan_at(self, path: StepPath) -> StepPlan:
        """The plan of what has, or had, this path."""
        ids = [one.step_id for one in path.parts]
        names = (".".join(ids[number:]) for number in range(len(ids)))
        return next(self.runnable[name] for name in names if name in self.runnable)


_plans = WeighedCache[str, Plan](4 * 1024 * 1024)
"""By bytes of their definitions; a plan takes some twenty times as many, and its expressions more."""


def plan_of(definition: Mapping[str, Any], sha256: str) -> Plan:
    """Give the plan of a definition (as data) that passed `check`; the same sha256 gives the same object."""
    return _plans.get(sha256) or build_plan(AdvancedWorkflow.model_validate(definition), sha256)


def build_plan(workflow: AdvancedWorkflow, sha256: str) -> Plan:
    """Give the plan of a definition, and keep it for the runs that `plan_of` is asked for.

    The largest takes a tenth of a second, which is better spent before a workflow task than in it. Threads may do so at once.
    """
    plan = _plans.get(sha256)
    if plan is None:
        plan = _plans.keep(sha256, _build(workflow, sha256), len(workflow.model_dump_json(exclude_defaults=True)))
    return plan


def forget() -> None:
    """Drop the cached plans, as a new process would start."""
    _plans.clear()


def _build(workflow: AdvancedWorkflow, sha256: str) -> Plan:
    root = _plan_graph(workflow.steps, workflow.retry_policy, ())
    steps = {plan.step_id: plan for plan in _walk(root)}
    tools = {tool.step_id: tool for plan in steps.values() for tool in _tools(plan)}
    return Plan(
        workflow=workflow,
        sha256=sha256,
        root=root,
        steps=steps,
        runnable={**steps, **tools} if tools else steps,
        output=None if workflow.output is None else compile_mapping(workflow.output, ORDINARY),
    )


def _walk(graph: GraphPlan) -> Iterator[StepPlan]:
    for plan in graph.steps.values():
        yield plan
        if plan.children is not None:
            yield from _walk(plan.children)


def _tools(plan: StepPlan) -> Iterator[StepPlan]:
    for tool in plan.tools.values():
        yield tool
        yield from _tools(tool)


def _plan_graph(
    steps: Sequence[WorkflowStep],
    defaults: RetryPolicy,
    containers: tuple[str, ...],
    roots: frozenset[str] = roots_at(),
) -> GraphPlan:
    shape = graph_of(steps)
    plans = {step.step_id: _plan_step(step, defaults, containers, shape[step.step_id].owners, roots) for step in steps}
    return GraphPlan(plans, shape)


def _plan_step(
    step: WorkflowStep,
    defaults: RetryPolicy,
    containers: tuple[str, ...],
    owners: tuple[str, ...],
    roots: frozenset[str],
) -> StepPlan:
    inner = roots | roots_at(in_for_each=step.for_each is not None, in_loop=step.step_type is StepType.LOOP)
    nested = step.body if step.step_type is StepType.LOOP else step.parallel_steps
    contains = step.step_type is StepType.PARALLEL or bool(step.body)
    return StepPlan(
        step=step,
        containers=containers,
        owners=owners,
        defaults=defaults,
        children=_plan_graph(nested, defaults, (*containers, step.step_id), inner) if contains else None,
        roots=roots,
        tools=_plan_tools(step, defaults, (*containers, step.step_id), inner),
    )


def _plan_tools(
    owner: WorkflowStep, defaults: RetryPolicy, containers: tuple[str, ...], outer: frozenset[str]
) -> dict[str, StepPlan]:
    roots = with_names(outer, roots_of_tools(owner))

    def plan(step: WorkflowStep, tool: Tool | None) -> StepPlan:
        inner = _plan_tools(step, defaults, (*containers, step.step_id), roots)
        return StepPlan(step, containers, (), defaults, roots=roots, tools=inner, tool=tool)

    plans = {tool.label: plan(step, tool) for tool, step in tool_steps(owner)}
    asking = asking_step(owner)
    return plans if asking is None else {**plans, asking.name: plan(asking, None)}


def handler_name(owner: StepPlan, handler: StepPlan) -> str:
    """A handler's name in paths: one of several steps has one for each, so that its effect happens once for each."""
    return handler_key(owner.step_id, handler.step_id) if len(handler.owners) > 1 else handler.step_id
