"""How far the agents of a run are."""

from __future__ import annotations

from advanced_workflow.workflows.contract import AgentProgress, Json
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.engine.state.record import AGENT, Record


def agents_that_run(state: LiveState) -> list[AgentProgress]:
    """The agents that run, each with its calls of tools that are under way."""
    calls: dict[str, list[str]] = {}
    for record in state.active.values():
        if record.plan.tool is not None and "call" in record.notes:
            calls.setdefault(record.path.container or "", []).append(record.notes["call"])
    return [progress_of(one, calls.get(one.path, [])) for one in state.active.values() if AGENT in one.notes]


def progress_of(record: Record, calls: list[str]) -> AgentProgress:
    """How far an agent is, with what it runs now."""
    spent: dict[str, Json] = record.notes[AGENT]
    return AgentProgress(path=record.path, turn=spent["turns"] + (0 if calls else 1), calls=calls, **spent)
