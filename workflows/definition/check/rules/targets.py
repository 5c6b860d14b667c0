"""A rule about where results are written."""

from __future__ import annotations

from collections.abc import Iterator

from advanced_workflow.workflows.definition.graph.outline import Placement
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem, warning
from advanced_workflow.workflows.definition.problems.problem import Problem


def target_problems(placement: Placement) -> Iterator[Problem]:
    """Two results of one step that are written to one place; a target that ends in `[]` takes any number. And one that another then replaces with all around it."""
    taken: set[str] = set()
    for source, target in placement.step.output_mapping.items():
        if target in taken and not target.endswith("[]"):
            message = f"two results are written to {target!r}."
            yield problem(
                Code.INVALID_TARGET, (*placement.loc, "output_mapping", source), message, "Give each its own target."
            )
        elif inner := next(
            (one for one in taken if "." in target and one.startswith((f"{target}.", f"{target}["))), None
        ):
            message = f"{target!r} is written after {inner!r} and takes its place, so that is lost."
            fix = f"Write {target!r} first, or give each its own target."
            yield warning(Code.INVALID_TARGET, (*placement.loc, "output_mapping", source), message, fix)
        taken.add(target)
