"""A definition laid out: its steps in order, with what is settled before each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from advanced_workflow.workflows.definition.graph.order import GraphOrder, graph_order, settled_masks, upstream_masks
from advanced_workflow.workflows.definition.graph.outline import Outline, Placement, outline
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

_WRITTEN: Final = re.compile(r"workflow\.([^.\[]+)")


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
    writers: Mapping[str, Sequence[Placement]]
    """First names below `workflow` that an `output_mapping` writes, each with the steps whose it is."""


def lay_out(workflow: AdvancedWorkflow) -> Layout:
    """Work out places, order and upstream steps."""
    found = outline(workflow)
    orders = {id(graph): graph_order(graph) for graph in found.graphs}
    settled = settled_masks(found)
    return Layout(workflow, found, orders, settled, upstream_masks(found, orders, settled), _writers(found))


def _writers(found: Outline) -> dict[str, list[Placement]]:
    writers: dict[str, list[Placement]] = {}
    for placement in found.placements:
        for target in placement.step.output_mapping.values():
            if match := _WRITTEN.match(target):
                writers.setdefault(match[1], []).append(placement)
    return writers
