"""The enterprise graph: the orchestrator decides, another node carries it out, and it decides again until nothing is left."""

from __future__ import annotations

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.definition.kinds.orchestrator import Orchestrator
from advanced_workflow.workflows.engine.graphs.adapter import END, START, build, run
from advanced_workflow.workflows.engine.orchestration.nodes import EnterpriseNodes
from advanced_workflow.workflows.engine.orchestration.state import EnterpriseWorkflowState
from advanced_workflow.workflows.engine.orchestration.work import Work
from advanced_workflow.workflows.engine.state.record import ORCHESTRATION
from advanced_workflow.workflows.engine.step.context import Done, StepContext

_NODES = {
    "parallel": "parallel_executor",
    "conditional": "conditional_router",
    "react": "react_agent",
    "approval": "human_approval",
    "error": "error_recovery",
}
_BETWEEN = 10
"""Rounds of nodes for each subtask, analysis and end: far more than there can be."""


async def run_enterprise(step: StepContext, made: Orchestrator, state: EnterpriseWorkflowState) -> Done:
    """Run the graph from where the state says it stands; gives the step's output. Raises `StepFailure`."""
    work = Work(step, made, state)
    nodes = EnterpriseNodes(work)
    names = (*_NODES.values(), "orchestrator")
    graph = build(
        EnterpriseWorkflowState,
        nodes={name: getattr(nodes, name) for name in names},
        edges=[(START, "orchestrator"), *((name, "orchestrator") for name in _NODES.values())],
        routes={"orchestrator": (_next, (*_NODES.values(), END))},
    )
    try:
        await run(graph, state, limit=_BETWEEN * (2 * made.max_steps + made.max_replans + _BETWEEN))
    finally:
        work.end()
    work.keep_all()
    step.record.cursor.pop(ORCHESTRATION)  # The output says it all.
    return Done(_output(state))


def _next(state: EnterpriseWorkflowState) -> str:
    """The node of the strategy that was chosen; the end where nothing is left to be done."""
    return _NODES.get(state["next_action"], END)


def _output(state: EnterpriseWorkflowState) -> Json:
    return {
        "results": state["results"],
        "degraded": state["degraded"],
        "decisions": state["decisions"],
        "complexity_score": state["task_analysis"]["complexity_score"] if state["task_analysis"] else None,
        "replans": state["budget"]["replans"],
        "limit": state["limit"] or None,
    }
