"""The tools of an agent and the workers of an orchestrator as steps: a call of one is run, retried, approved and undone as a step is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from advanced_workflow.workflows.definition.graph.outline import Placement, outline
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.definition.kinds.orchestrator import (
    ANALYST,
    APPROVAL,
    ENTERPRISE,
    MODEL,
    REACT,
    Orchestrator,
    Worker,
)
from advanced_workflow.workflows.definition.kinds.react import Agent, Tool
from advanced_workflow.workflows.definition.model.roots import CALL, ORCHESTRATED
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.plans import ANALYSIS, OPEN_ENDED, PLAN_SCHEMA
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.versions import Definitions, full_name
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

_SHARED = frozenset(Tool.model_fields) & frozenset(WorkflowStep.model_fields)
"""What a tool says in the words of a step."""


def tool_step(agent_id: str, tool: Tool) -> WorkflowStep:
    """The step that a call of the tool is."""
    said = tool.model_fields_set & _SHARED
    fields: dict[str, Any] = {name: value for name in said if (value := getattr(tool, name)) is not None}
    fields["step_id"] = f"{agent_id}.{tool.label}"  # No step of a definition can have a dot in its own.
    fields["name"] = tool.label
    fields["step_type"] = tool.step_type
    # Not validated again: its parts are, and its id is one that no definition may use.
    return WorkflowStep.model_construct(**fields)


def named_tools(step: WorkflowStep) -> tuple[tuple[str, ...], tuple[Tool, ...]]:
    """What a definition names as tools of a step, an agent's or the workers of an orchestrator, and the fields that hold them."""
    if step.step_type is StepType.REACT and step.agent is not None:
        return ("agent", "tools"), step.agent.tools
    if step.step_type is StepType.ORCHESTRATOR and step.orchestrator is not None:
        return ("orchestrator", "workers"), step.orchestrator.workers
    return (), ()


def tool_steps(step: WorkflowStep) -> Iterator[tuple[Tool, WorkflowStep]]:
    """The tools of a step, each with its step; of an orchestrator also the agents that it has by itself."""
    own = step.orchestrator if step.step_type is StepType.ORCHESTRATOR else None
    for tool in (*named_tools(step)[1], *(_own_agents(step, own) if own is not None else ())):
        yield tool, tool_step(step.step_id, tool)


def roots_of_tools(step: WorkflowStep) -> frozenset[str]:
    """The names that the expressions of its tools see beside those that they may use anyway."""
    return CALL | ORCHESTRATED if step.step_type is StepType.ORCHESTRATOR else CALL


def asking_step(step: WorkflowStep) -> WorkflowStep | None:
    """The step in which an orchestrator asks people; None for one that asks nobody, and for other steps."""
    own = step.orchestrator if step.step_type is StepType.ORCHESTRATOR else None
    if own is None or not own.may_ask:
        return None
    said = own.approval or Approval()
    exact = {"subject": _SUBJECT, "on_reject": "fail"} if own.graph == ENTERPRISE else {"subject": _QUESTION}
    approval = said.model_copy(update=exact)
    fields: dict[str, Any] = {"step_id": f"{step.step_id}.{APPROVAL}", "name": APPROVAL, "approval": approval}
    return WorkflowStep.model_construct(**fields, step_type=StepType.HUMAN_APPROVAL)


_QUESTION = {"question": "call.question"}
_SUBJECT = {"what": "call.what", "subtasks": "call.subtasks"}
_OF_A_CALL = ("timeout", "total_timeout", "heartbeat_timeout", "queue_timeout", "agent_capability", "retry_policy")
"""What an orchestrator's step says of the calls of its models."""


def _own_agents(step: WorkflowStep, made: Orchestrator) -> Iterator[Tool]:
    if made.model is None:
        return
    calls = {name: getattr(step, name) for name in _OF_A_CALL if name in step.model_fields_set}
    if made.graph != ENTERPRISE:
        yield Tool(name=MODEL, agent=_agent(made, "{{ call.instructions }}", {"prompt": "call.prompt"}), **calls)
        return
    if made.analysis == "model":
        yield Tool(name=ANALYST, agent=_agent(made, ANALYSIS, {"output_schema": PLAN_SCHEMA}), **calls)
    if "react" in made.strategies:
        asked = tuple(one.label for one in made.workers if one.sensitive)
        tools = {
            "tools": tuple(_asking_as(made, one) for one in made.workers),
            "approve_tools": asked,
            "max_tool_calls": made.max_steps,
        }
        agent = _agent(made, OPEN_ENDED, {**tools, "on_limit": made.on_limit})
        yield Tool(name=REACT, agent=agent, **calls)


def _asking_as(made: Orchestrator, worker: Worker) -> Worker:
    """A worker as a tool of the orchestrator's agent: about a sensitive one those are asked whom the orchestrator asks."""
    if made.approval is None or not worker.sensitive or worker.approval is not None:
        return worker
    return worker.model_copy(update={"approval": made.approval.model_copy(update={"subject": {}})})


def _agent(made: Orchestrator, instructions: str, more: dict[str, Any]) -> Agent:
    told = f"{instructions}\n\n{made.instructions}" if made.instructions else instructions
    names = ("model", "fallback_models", "model_settings", "max_turns", "max_tokens", "max_cost")
    return Agent(instructions=told, **{name: getattr(made, name) for name in names}, **more)


def acting(workflow: AdvancedWorkflow) -> Iterator[tuple[Placement, WorkflowStep]]:
    """All that may act for a run: each step of a definition, and each tool in it as a step, with the place of the definition's step."""
    for placement in outline(workflow).placements:
        for step in _with_tools(placement.step):
            yield placement, step


def _with_tools(step: WorkflowStep) -> Iterator[WorkflowStep]:
    yield step
    for _, tool in tool_steps(step):
        yield from _with_tools(tool)


def models_of(workflow: AdvancedWorkflow) -> Iterator[str]:
    """The models that a definition's agents name, those of agents in agents included."""
    for _, step in acting(workflow):
        if step.agent is not None:
            yield from step.agent.models


def graphs_of(workflow: AdvancedWorkflow) -> Iterator[tuple[Placement, str]]:
    """The graphs of users that a definition names, with the places of their steps."""
    for placement in outline(workflow).placements:
        made = placement.step.orchestrator
        if placement.step.step_type is StepType.ORCHESTRATOR and made is not None and made.graph != ENTERPRISE:
            yield placement, made.graph


def servers_of(workflow: AdvancedWorkflow) -> Iterator[tuple[Placement, Tool]]:
    """The tools of MCP servers that a definition names, those of agents in agents included, with the places of their steps."""
    for placement, step in acting(workflow):
        for tool in named_tools(step)[1]:
            if tool.mcp is not None:
                yield placement, tool


def asks_servers(workflow: AdvancedWorkflow) -> bool:
    """Whether MCP servers must be asked for tools before a run of it can begin."""
    return any(tool.is_open for _, tool in servers_of(workflow))


GivenTools = Callable[[Sequence[Tool]], Sequence[Tool]]
"""From the tools that a definition names for one agent, or as workers of an orchestrator, to those that it has."""


def with_tools(workflow: AdvancedWorkflow, given: GivenTools) -> AdvancedWorkflow:
    """The same definition with other tools, those of agents in agents too."""
    return workflow.model_copy(update={"steps": _steps_with(workflow.steps, given)})


def _steps_with(steps: Sequence[WorkflowStep], given: GivenTools) -> tuple[WorkflowStep, ...]:
    return tuple(_step_with(step, given) for step in steps)


def _step_with(step: WorkflowStep, given: GivenTools) -> WorkflowStep:
    update: dict[str, Any] = {}
    if step.agent is not None:
        update["agent"] = _agent_with(step.agent, given)
    if step.orchestrator is not None:
        update["orchestrator"] = step.orchestrator.model_copy(
            update={"workers": _tools_with(step.orchestrator.workers, given)}
        )
    for name in ("parallel_steps", "body"):
        nested: tuple[WorkflowStep, ...] = getattr(step, name)
        if nested:
            update[name] = _steps_with(nested, given)
    return step.model_copy(update=update) if update else step


def _agent_with(agent: Agent, given: GivenTools) -> Agent:
    return agent.model_copy(update={"tools": _tools_with(agent.tools, given)})


def _tools_with(tools: Sequence[Tool], given: GivenTools) -> tuple[Tool, ...]:
    inner = (
        tool if tool.agent is None else tool.model_copy(update={"agent": _agent_with(tool.agent, given)})
        for tool in given(tools)
    )
    return tuple(inner)


def has_graphs(workflow: AdvancedWorkflow) -> bool:
    """Whether a step of a definition is a state graph."""
    return any(step.step_type is StepType.ORCHESTRATOR for _, step in acting(workflow))


def with_children(workflow: AdvancedWorkflow, known: Definitions) -> list[AdvancedWorkflow]:
    """The definition and those that its steps lead to, as far as they are known; each version is one of its own."""
    found = {full_name(workflow): workflow}
    waiting = [workflow]
    while waiting:
        for _, step in acting(waiting.pop()):
            child = known.find(step.workflow, step.workflow_version)
            if child is not None and full_name(child) not in found:
                found[full_name(child)] = child
                waiting.append(child)
    return list(found.values())
