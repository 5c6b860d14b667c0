"""What an agent may spend: turns, tokens, money, calls of tools. It is asked before each model call."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.contract import ErrorInfo
from advanced_workflow.workflows.definition.kinds.react import Agent
from advanced_workflow.workflows.engine.agents.stand import Stand
from advanced_workflow.workflows.engine.step.failures import StepFailure
from advanced_workflow.workflows.errors import AgentLimitExceeded

TOOL_CALLS = "max_tool_calls"


def limit_reached(agent: Agent, stand: Stand) -> str:
    """The field that forbids another model call; empty where none does."""
    return next(_reached(agent, stand), "")


def _reached(agent: Agent, stand: Stand) -> Iterator[str]:
    for field, name in (("max_turns", "turn"), ("max_tokens", "tokens"), ("max_cost", "cost")):
        most: float | None = getattr(agent, field)
        if most is not None and stand.spent(name) >= most:
            yield field
    if agent.max_cost is not None and not stand.is_priced:
        yield "max_cost"


def limit_failure(path: str, agent: Agent, stand: Stand, limit: str) -> StepFailure:
    """The failure of an agent that has no answer and may do no more."""
    if limit == "max_cost" and not stand.is_priced:
        message = f"step {path!r}: 'max_cost' is set and what its model costs is not known; add the model to the worker's prices, "
        message += "or leave 'max_cost' out."
    else:
        message = f"step {path!r}: the agent has no answer and has used up {limit!r} ({getattr(agent, limit):g}); raise it, or set "
        message += "'on_limit: answer'."
    return StepFailure(ErrorInfo(type=AgentLimitExceeded.code, message=message, details={"limit": limit}))
