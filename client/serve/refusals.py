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
from advanced_workflow.workflows.definition.tools import acting, has_graphs
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def refusals(
    workflow: AdvancedWorkflow,
    catalog: ActionCatalog,
    known: Mapping[str, AdvancedWorkflow],
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
    refused: dict[str, Problem | None] = {workflow.workflow_id: None}
    for placement, step in acting(workflow):
        for child in _reached(step.workflow, known):
            if child.workflow_id not in refused:
                found = errors_of(check(child, catalog, known, graphs=graphs))
                refused[child.workflow_id] = found[0] if found else None
            first = refused[child.workflow_id]
            if first is not None:
                message = (
                    f"definition {child.workflow_id!r}, which it leads to, is refused: {first.path}: {first.message}"
                )
                yield problem(Code.UNKNOWN_WORKFLOW, placement.loc, message, f"Correct that one first. {first.fix}")


def _reached(name: str | None, known: Mapping[str, AdvancedWorkflow]) -> Iterator[AdvancedWorkflow]:
    """A definition and those that it leads to."""
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        child = known.get(waiting.pop() or "")
        if child is not None and child.workflow_id not in seen:
            seen.add(child.workflow_id)
            yield child
            waiting += [step.workflow for _, step in acting(child)]
