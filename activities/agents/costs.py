"""Agents whose cost is bounded: what their models cost must be known before anything runs."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.activities.agents.prices import SETTING, Prices
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.tools import acting
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


def unpriced(workflow: AdvancedWorkflow, prices: Prices) -> Iterator[Problem]:
    """Models without a price of agents with a `max_cost`, which would never be reached."""
    told: set[tuple[int, str]] = set()  # An orchestrator has several agents with its own models.
    for placement, step in acting(workflow):
        agent = step.agent
        if agent is None or agent.max_cost is None or step.agent_capability is not None:
            continue  # Workers of another queue have prices of their own.
        for model in agent.models:
            if prices.of(model) is None and (placement.number, model) not in told:
                told.add((placement.number, model))
                message = f"the price of model {model!r} is not known, so that 'max_cost' would never be reached."
                fix = f"Add it to the file that {SETTING} names on the worker."
                field = "agent" if placement.step.agent is not None else "orchestrator"
                yield problem(Code.WRONG_VALUE, (*placement.loc, field, "max_cost"), message, fix)
