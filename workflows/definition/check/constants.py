"""Expressions whose value is the same in every run: they are evaluated, and one that fails is told before any run fails on it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import JsonValue

from advanced_workflow.workflows.definition.check.sites import Site
from advanced_workflow.workflows.definition.graph.layout import Layout
from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.errors import ExpressionError
from advanced_workflow.workflows.expressions import Expression, Reference
from advanced_workflow.workflows.expressions.analysis import is_path
from advanced_workflow.workflows.expressions.syntax import Fold, Node, children

_WRITTEN: Final = re.compile(r"workflow\.([^.\[]+)")


def written_variables(placements: Iterable[Placement]) -> set[str]:
    """First names below `workflow` that an `output_mapping` of these steps writes."""
    targets = (target for one in placements for target in one.step.output_mapping.values())
    return {match[1] for target in targets if (match := _WRITTEN.match(target))}


def constants_of(layout: Layout, inside: Placement | None = None) -> dict[str, JsonValue]:
    """The variables that have a first value and that no step writes, but those `inside` of one."""
    steps = layout.outline.placements
    written = written_variables(one for one in steps if inside is None or one.loc[: len(inside.loc)] != inside.loc)
    return {name: value for name, value in layout.workflow.global_variables.items() if name not in written}


def constant_problems(
    site: Site, references: Collection[Reference], constants: Mapping[str, JsonValue]
) -> Iterator[Problem]:
    """Say why an expression fails in every run that comes to it, where it is a constant that costs nothing to know."""
    if not all(one.root == "workflow" and one.path[:1] and one.path[0] in constants for one in references):
        return
    scope: dict[str, Any] = {"workflow": constants}
    tree = site.tree()
    if not (is_path(tree) or (not references and _is_short(tree))):
        return
    try:
        compiled = site.compile()
        if isinstance(compiled, Expression):
            compiled.evaluate(scope)
        else:
            compiled.holds(scope)
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
