"""`raise` steps: a failure of the author's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import JsonValue

from advanced_workflow.workflows.definition.kinds.kind import LONGEST, Kind, always
from advanced_workflow.workflows.definition.model.base import DefinitionModel
from advanced_workflow.workflows.definition.model.error_types import OTHER_NAMES, PLATFORM_TYPES
from advanced_workflow.workflows.definition.model.markers import TEXT, Expr, Mapped, Name
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, problem, shorten
from advanced_workflow.workflows.definition.problems.problem import Problem


class RaisedError(DefinitionModel):
    """The failure of a `raise` step. It is never tried again, and there is nothing to undo."""

    type: Annotated[str, Name("the type of an error", 200)]
    """Its type, for the `error_handlers` of steps around it and for the run's report; not one that the platform makes."""
    message: Annotated[
        str, Expr(gives=TEXT, fix="Write an expression; fixed text needs quotes inside: \"'Sold out.'\".")
    ]
    """An expression that gives the sentence."""
    details: Annotated[JsonValue, Mapped()] = None
    """Mapping that builds what else is to be known, as JSON."""


def _problems(error: RaisedError, loc: Loc) -> Iterator[Problem]:
    if error.type in PLATFORM_TYPES or error.type in OTHER_NAMES:
        message = f"{error.type!r} is a failure that the platform makes, and would say what did not happen."
        yield problem(Code.RESERVED_NAME, (*loc, "type"), message, "Choose a type of your own, such as 'OutOfStock'.")


def _lines(error: RaisedError) -> Iterator[str]:
    yield f"fails with {shorten(error.type, LONGEST)}"


KIND = Kind[RaisedError](
    StepType.RAISE, field="error", output=always(), problems=_problems, lines=_lines, drawn=("[\\", "\\]")
)
