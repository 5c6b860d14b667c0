"""Values that are JSON by their type and still cannot travel: too deep, not Unicode, or beyond 64 bits."""

from __future__ import annotations

from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import problem
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.text.source_tree import MAX_NESTING
from advanced_workflow.workflows.plain.strict_json import Misfit, misfits

_WORDING = {
    Misfit.LONE_SURROGATE: ("the text has a lone surrogate, which is not a character.", "Remove it."),
    Misfit.LONE_SURROGATE_IN_KEY: ("a key has a lone surrogate, which is not a character.", "Remove it."),
    Misfit.BEYOND_64_BITS: ("the number needs more than 64 bits.", "Put it in quotes."),
}
"""Numbers that are not finite are for the models to refuse: they name the field."""


def unfit_value(data: object) -> Problem | None:
    """Find the first such value, or None; works at any depth."""
    for found in misfits(data, MAX_NESTING):
        if found.misfit is Misfit.TOO_DEEP:
            message = f"the data nests deeper than {MAX_NESTING} levels."
            return problem(Code.TOO_DEEP, found.loc[:8], message, "Flatten it.")
        if found.misfit in _WORDING:
            return problem(Code.WRONG_VALUE, found.loc, *_WORDING[found.misfit])
    return None
