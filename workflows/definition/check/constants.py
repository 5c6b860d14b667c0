"""Expressions whose value is the same in every run: they are evaluated, and one that fails is told before any run fails on it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from pydantic import JsonValue

from advanced_workflow.workflows.definition.check.sites import Site
from advanced_workflow.workflows.definition.graph.layout import Layout
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.errors import ExpressionError
from advanced_workflow.workflows.expressions import Reference, compile_condition, compile_expression
from advanced_workflow.workflows.expressions.absence import tree_of, tree_of_condition
from advanced_workflow.workflows.expressions.analysis import is_path
from advanced_workflow.workflows.expressions.syntax import Fold, Node, children

_WRITTEN: Final = re.compile(r"workflow\.([^.\[]+)")


def constants_of(layout: Layout) -> dict[str, JsonValue]:
    """The variables that have a first value and that no `output_mapping` writes."""
    targets = (target for one in layout.outline.placements for target in one.step.output_mapping.values())
    written = {match[1] for target in targets if (match := _WRITTEN.match(target))}
    return {name: value for name, value in layout.workflow.global_variables.items() if name not in written}


def constant_problems(
    site: Site, references: Collection[Reference], constants: Mapping[str, JsonValue]
) -> Iterator[Problem]:
    """Say why an expression fails in every run that comes to it, where it is a constant that costs nothing to know."""
    if not all(one.root == "workflow" and one.path[:1] and one.path[0] in constants for one in references):
        return
    scope: dict[str, Any] = {"workflow": constants}
    tree = tree_of(site.source) if isinstance(site.source, str) else tree_of_condition(site.source)
    if not (is_path(tree) or (not references and _is_short(tree))):
        return
    try:
        if isinstance(site.source, str):
            compile_expression(site.source, site.roots).evaluate(scope)
        else:
            compile_condition(site.source, site.roots).holds(scope)
    except ExpressionError as error:
        message = f"it fails in every run that comes here: {error.reason}."
        yield warning(Code.BAD_EXPRESSION, site.loc, message, site.fix)


def _is_short(tree: Node) -> bool:
    """Whether evaluating it takes no longer than reading it: nothing is done for each of many elements."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Fold):
            return False
        waiting += children(node)
    return True
