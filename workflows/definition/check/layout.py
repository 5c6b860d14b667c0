"""All the rules that need no expression: run once over the whole definition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.check.rules.actions import action_problems
from advanced_workflow.workflows.definition.check.rules.children import Definitions, child_problems
from advanced_workflow.workflows.definition.check.rules.fields import field_problems
from advanced_workflow.workflows.definition.check.rules.joins import join_problems
from advanced_workflow.workflows.definition.check.rules.local import local_problems
from advanced_workflow.workflows.definition.check.rules.locks import lock_problems
from advanced_workflow.workflows.definition.check.rules.repetition import repetition_problems
from advanced_workflow.workflows.definition.check.rules.schemas import json_schema_problems
from advanced_workflow.workflows.definition.check.rules.sla_targets import sla_problems
from advanced_workflow.workflows.definition.check.rules.structure import (
    dead_end_problems,
    handler_problems,
    id_problems,
    limit_problems,
    order_problems,
    reference_problems,
    rollback_to_problems,
)
from advanced_workflow.workflows.definition.check.rules.timeouts import timeout_problems
from advanced_workflow.workflows.definition.check.support import support_problems
from advanced_workflow.workflows.definition.graph.order import GraphOrder, graph_order, settled_masks, upstream_masks
from advanced_workflow.workflows.definition.graph.outline import Outline, outline
from advanced_workflow.workflows.definition.kinds.table import kind_problems
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow


@dataclass(frozen=True, slots=True)
class Layout:
    """A definition with all that the rules ask of it, worked out once.

    `settled` and `upstream` are bit masks by step number: what is settled with a step, and before it.
    """

    workflow: AdvancedWorkflow
    outline: Outline
    orders: dict[int, GraphOrder]
    settled: list[int]
    upstream: list[int]


def layout(workflow: AdvancedWorkflow) -> Layout:
    """Work out places, order and upstream steps."""
    found = outline(workflow)
    orders = {id(graph): graph_order(graph) for graph in found.graphs}
    settled = settled_masks(found)
    return Layout(workflow, found, orders, settled, upstream_masks(found, orders, settled))


def rule_problems(
    plan: Layout,
    actions: ActionCatalog | None = None,
    definitions: Definitions | None = None,
    also_known: frozenset[str] = frozenset(),
) -> Iterator[Problem]:
    """Every problem but those of expressions, in no particular order.

    `also_known` are ids of steps that could not be read, so that naming one is not a second problem.
    """
    workflow, found = plan.workflow, plan.outline
    yield from limit_problems(workflow, found)
    yield from id_problems(found)
    yield from reference_problems(found, also_known)
    yield from order_problems(plan.orders)
    yield from dead_end_problems(plan.orders)
    yield from handler_problems(found, plan.orders)
    yield from rollback_to_problems(found, plan.upstream)
    yield from join_problems(found, plan.orders, plan.upstream)
    yield from lock_problems(found, plan.upstream)
    yield from repetition_problems(found)
    yield from json_schema_problems(workflow)
    yield from sla_problems(workflow)
    for placement in found.placements:
        yield from field_problems(placement)
        yield from json_schema_problems(placement.step, placement.loc)
        yield from kind_problems(placement.step, placement.loc)
        yield from timeout_problems(placement, workflow)
        yield from local_problems(placement, workflow)
        yield from support_problems(placement)
        if actions is not None:
            yield from action_problems(placement, workflow, actions)
        if definitions is not None:
            yield from child_problems(placement, definitions)
