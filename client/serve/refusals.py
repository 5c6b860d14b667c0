"""What a worker started here would refuse of a definition although nothing in its own text is wrong: `adw check` tells it, too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec

from advanced_workflow.activities.agents.costs import unpriced
from advanced_workflow.activities.agents.prices import Prices
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem
from advanced_workflow.workflows.definition.problems.problem import Problem, errors_of
from advanced_workflow.workflows.definition.tools import acting, has_graphs, with_children
from advanced_workflow.workflows.definition.versions import Definitions, full_name
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def refusals(
    workflow: AdvancedWorkflow,
    catalog: ActionCatalog,
    known: Definitions,
    graphs: Mapping[str, str],
    settings: Settings,
) -> Iterator[Problem]:
    """The problems of a definition that its own text does not show: prices, packages, and the definitions it leads to."""
    yield from unpriced(workflow, Prices.read(settings.model_prices))
    if has_graphs(workflow) and find_spec("langgraph") is None:
        places = (one.loc for one, step in acting(workflow) if step.step_type is StepType.ORCHESTRATOR)
        message, fix = (
            "an orchestrator needs LangGraph, which is not installed here.",
            'pip install "advanced-workflow[agents]".',
        )
        yield problem(Code.NOT_SUPPORTED_YET, next(places), message, fix)
    refused: dict[str, Problem | None] = {full_name(workflow): None}
    for placement, step in acting(workflow):
        named = known.find(step.workflow, step.workflow_version)
        for child in with_children(named, known) if named is not None else ():
            if full_name(child) not in refused:
                found = errors_of(check(child, catalog, known, graphs=graphs))
                refused[full_name(child)] = found[0] if found else None
            first = refused[full_name(child)]
            if first is not None:
                message = (
                    f"definition {child.workflow_id!r}, which it leads to, is refused: {first.path}: {first.message}"
                )
                yield problem(Code.UNKNOWN_WORKFLOW, placement.loc, message, f"Correct that one first. {first.fix}")
