"""All the rules that need no expression: run once over the whole definition."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.check.rules.actions import action_problems
from advanced_workflow.workflows.definition.check.rules.bounds import bound_problems, path_problems
from advanced_workflow.workflows.definition.check.rules.cost import cost_problems
from advanced_workflow.workflows.definition.check.rules.deadlines import deadline_problems
from advanced_workflow.workflows.definition.check.rules.error_types import (
    default_error_type_problems,
    error_type_problems,
)
from advanced_workflow.workflows.definition.check.rules.fields import field_problems
from advanced_workflow.workflows.definition.check.rules.joins import join_problems
from advanced_workflow.workflows.definition.check.rules.local import local_problems
from advanced_workflow.workflows.definition.check.rules.locks import lock_problems
from advanced_workflow.workflows.definition.check.rules.parameters import validation_problems
from advanced_workflow.workflows.definition.check.rules.repetition import repetition_problems
from advanced_workflow.workflows.definition.check.rules.reserved import reserved_names, reserved_problems
from advanced_workflow.workflows.definition.check.rules.routes import idle_route_problems, route_problems
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
from advanced_workflow.workflows.definition.check.rules.sub_workflow import child_problems
from advanced_workflow.workflows.definition.check.rules.targets import target_problems
from advanced_workflow.workflows.definition.check.rules.timeouts import timeout_problems
from advanced_workflow.workflows.definition.check.rules.tools import tool_problems
from advanced_workflow.workflows.definition.check.support import support_problems
from advanced_workflow.workflows.definition.graph.layout import Layout
from advanced_workflow.workflows.definition.kinds.table import kind_problems
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.versions import Definitions


def rule_problems(
    layout: Layout,
    actions: ActionCatalog | None = None,
    definitions: Definitions | None = None,
    also_known: frozenset[str] = frozenset(),
) -> Iterator[Problem]:
    """Every problem but those of expressions, in no particular order.

    `also_known` are ids of steps that could not be read, so that naming one is not a second problem.
    """
    workflow, found = layout.workflow, layout.outline
    yield from limit_problems(workflow, found)
    yield from reserved_names(workflow)
    yield from id_problems(found)
    yield from reference_problems(found, also_known)
    yield from order_problems(layout.orders)
    yield from dead_end_problems(layout.orders)
    yield from handler_problems(found, layout.orders)
    yield from rollback_to_problems(found, layout.upstream)
    yield from join_problems(found, layout.orders, layout.upstream)
    yield from idle_route_problems(found, layout.orders, layout.upstream)
    yield from lock_problems(found, layout.upstream)
    yield from repetition_problems(found)
    yield from path_problems(found)
    yield from bound_problems(workflow)
    yield from cost_problems(workflow)
    yield from json_schema_problems(workflow)
    yield from sla_problems(workflow)
    yield from default_error_type_problems(workflow)
    yield from deadline_problems(found, workflow)
    for placement in found.placements:
        yield from field_problems(placement)
        yield from error_type_problems(placement)
        yield from reserved_problems(placement)
        yield from route_problems(placement)
        yield from target_problems(placement)
        yield from bound_problems(placement.step, placement.loc)
        yield from cost_problems(placement.step, placement.loc)
        yield from json_schema_problems(placement.step, placement.loc)
        yield from validation_problems(placement)
        yield from kind_problems(placement.step, placement.loc)
        yield from timeout_problems(placement, workflow)
        yield from local_problems(placement, workflow)
        yield from support_problems(placement)
        yield from tool_problems(placement, workflow, actions, definitions)
        if actions is not None:
            yield from action_problems(placement, workflow, actions)
        if definitions is not None:
            yield from child_problems(placement, definitions)
