"""Agents and their calls of tools in traces and metrics, by the conventions for generative AI; nothing of what was said."""

from __future__ import annotations

from advanced_workflow.workflows.contract import RunResult, gen_ai
from advanced_workflow.workflows.contract.paths import turn_of
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.engine.state.record import AGENT, Record

CALL_ID = "call_id"
"""In the cursor of a tool's call: the id that the model gave it."""


def span_name(plan: StepPlan) -> str:
    """What the span of a step is called: an agent and a tool by the conventions, any other step by its id."""
    if plan.step.agent is not None:
        return f"{gen_ai.INVOKE_AGENT} {_name(plan)}"
    return plan.step_id if plan.tool is None else f"{gen_ai.EXECUTE_TOOL} {_name(plan)}"


def metric_of(plan: StepPlan) -> str | None:
    """The metric of its duration; None for what is neither an agent nor a tool."""
    if plan.step.agent is not None:
        return gen_ai.AGENT_SECONDS
    return None if plan.tool is None else gen_ai.TOOL_SECONDS


def labels_of(record: Record) -> dict[str, str]:
    """The labels of that metric."""
    agent = record.plan.step.agent
    found = {gen_ai.OPERATION: gen_ai.EXECUTE_TOOL, gen_ai.TOOL_NAME: _name(record.plan)}
    if agent is not None:
        found = {gen_ai.OPERATION: gen_ai.INVOKE_AGENT, gen_ai.AGENT_NAME: _name(record.plan)}
        found[gen_ai.PROVIDER], found[gen_ai.REQUEST_MODEL] = _provider(agent.model), agent.model
    if record.error is not None:
        found[gen_ai.ERROR] = record.error.type
    return {gen_ai.label(name): value for name, value in found.items()}


def labels_of_run(result: RunResult) -> dict[str, str]:
    """The labels of the duration of a run that has agents."""
    error = {gen_ai.ERROR: result.error.type} if result.error else {}
    return {gen_ai.label(name): value for name, value in {gen_ai.WORKFLOW_NAME: result.workflow_id, **error}.items()}


def attributes_of(record: Record, execution_id: str) -> dict[str, str | int | float]:
    """What the span of an agent or a tool says; nothing for any other step."""
    found: dict[str, str | int | float] = {}
    plan = record.plan
    if plan.tool is not None:
        found |= {gen_ai.OPERATION: gen_ai.EXECUTE_TOOL, gen_ai.TOOL_NAME: _name(plan), gen_ai.TOOL_TYPE: "function"}
        call: str = record.cursor.get(CALL_ID, "")
        agent = record.path.container
        if call and agent:  # Otherwise no model asked for it.
            found |= {gen_ai.TOOL_CALL: call, gen_ai.TURN: turn_of(record.path)}
            found[gen_ai.CONVERSATION] = gen_ai.conversation_id(execution_id, agent)
    if plan.step.agent is not None:
        found |= _of_agent(record, plan.step.agent.model)
        found[gen_ai.CONVERSATION] = gen_ai.conversation_id(execution_id, record.path)
    if found and record.error is not None:
        found[gen_ai.ERROR] = record.error.type
    return found


def _of_agent(record: Record, model: str) -> dict[str, str | int | float]:
    return {
        gen_ai.OPERATION: gen_ai.INVOKE_AGENT,
        gen_ai.PROVIDER: _provider(model),
        gen_ai.REQUEST_MODEL: model.partition(":")[2] or model,
        gen_ai.AGENT_NAME: _name(record.plan),
        gen_ai.AGENT_ID: record.path,
        **{f"adw.agent.{name}": value for name, value in record.notes.get(AGENT, {}).items()},
    }


def _provider(model: str) -> str:
    return model.partition(":")[0]


def _name(plan: StepPlan) -> str:
    return plan.step.label if plan.tool is not None else plan.step_id
