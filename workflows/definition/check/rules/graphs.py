"""Whether there are the graphs that a definition names, where it is known what workers serve."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import listed, nearest, problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.tools import graphs_of
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def unknown_graphs(workflow: AdvancedWorkflow, known: Collection[str]) -> Iterator[Problem]:
    """Each graph of a user that is not among the known ones."""
    for placement, name in graphs_of(workflow):
        if name not in known:
            served = sorted(known)
            fix = nearest(name, served) or f"Register it in ADW_GRAPHS; there are: {listed(served) or 'none'}."
            message = f"graph {name!r} is not registered."
            yield problem(Code.UNKNOWN_GRAPH, (*placement.loc, "orchestrator", "graph"), message, fix)
