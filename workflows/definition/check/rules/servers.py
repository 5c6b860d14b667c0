"""Whether the MCP servers that a definition names are known, where a worker's settings are at hand."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, listed, nearest, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.tools import servers_of
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def unknown_servers(workflow: AdvancedWorkflow, known: Collection[str]) -> Iterator[Problem]:
    """A problem for each step that names a server which is not among the known ones."""
    told: set[tuple[Loc, str]] = set()
    for placement, tool in servers_of(workflow):
        name = tool.mcp or ""
        if name not in known and (placement.loc, name) not in told:
            told.add((placement.loc, name))
            served = sorted(known)
            fix = (
                nearest(name, served) or f"Name it in the file of ADW_MCP_SERVERS; it has: {listed(served) or 'none'}."
            )
            yield problem(Code.UNKNOWN_SERVER, _place(placement), f"MCP server {name!r} is not known here.", fix)


def _place(placement: Placement) -> Loc:
    return (*placement.loc, "agent" if placement.step.agent is not None else "orchestrator")
