"""`wait` steps: for a time, until a time, or for an event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import StrictBool, model_validator

from advanced_workflow.workflows.definition.kinds.kind import LONGEST, Kind, Names
from advanced_workflow.workflows.definition.model.base import (
    SPAN_FIX,
    DefinitionModel,
    SecondsOrExpression,
    WrittenSeconds,
)
from advanced_workflow.workflows.definition.model.markers import BOOL, SPAN, TIME, EndsWait, Expr, Name, WithinRun
from advanced_workflow.workflows.definition.model.results import read_wait
from advanced_workflow.workflows.definition.model.roots import EVENT
from advanced_workflow.workflows.definition.model.step_type import StepType
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, shorten, warning
from advanced_workflow.workflows.definition.problems.problem import Problem


class WaitFor(DefinitionModel):
    """What a `wait` step waits for: exactly one of `seconds`, `until`, `event`."""

    seconds: Annotated[WrittenSeconds | None, Expr(gives=SPAN, reads=read_wait, fix=SPAN_FIX), WithinRun()] = None
    """How long, or an expression that gives it: a number of seconds, a text such as `90s`, or a CEL duration."""
    until: Annotated[str | None, Expr(gives=TIME)] = None
    """An expression that gives a timestamp or an RFC 3339 string. A time in the past does not wait."""
    event: Annotated[str | None, Name("the name of an event")] = None
    """Name of the event; one that came earlier counts, and each is consumed once."""
    transient: StrictBool = False
    """Only an event that comes while the step waits counts."""
    match: Annotated[str | None, Expr(EVENT, gives=BOOL)] = None
    """Expression over `event` (the event's data) that must hold for this step to take it."""
    timeout: Annotated[SecondsOrExpression | None, WithinRun(), EndsWait("it waits for an event", of="event")] = None
    """How long to wait for the event, or an expression that gives it when the step starts; without it the run's own timeout is the bound."""
    on_timeout: Literal["fail", "continue"] = "fail"
    """`continue` completes the step with output null."""

    @model_validator(mode="after")
    def _one_form(self) -> WaitFor:
        if sum(x is not None for x in (self.seconds, self.until, self.event)) != 1:
            raise ValueError("give exactly one of 'seconds', 'until', 'event'")
        if self.event is None and (self.match is not None or self.timeout is not None or self.transient):
            raise ValueError("'match', 'timeout' and 'transient' belong to 'event'")
        return self


def _output(wait: WaitFor | None) -> Names | None:
    # An event brings any data.
    return ("until",) if wait is not None and wait.event is None else None


def _problems(wait: WaitFor, loc: Loc) -> Iterator[Problem]:
    if wait.timeout is None and wait.on_timeout != "fail":
        message = "'on_timeout' means nothing without a 'timeout'."
        yield warning(Code.MEANINGLESS_FIELD, (*loc, "on_timeout"), message, "Add a 'timeout', or remove it.")


def _lines(wait: WaitFor) -> Iterator[str]:
    yield f"waits {_waited_for(wait)}"


def _waited_for(wait: WaitFor) -> str:
    if wait.event is not None:
        return f"for event {wait.event}"
    if wait.until is not None:
        return f"until {shorten(wait.until, LONGEST)}"
    return f"{wait.seconds:g} s" if isinstance(wait.seconds, int | float) else shorten(f"{wait.seconds} s", LONGEST)


KIND = Kind[WaitFor](StepType.WAIT, field="wait", output=_output, problems=_problems, lines=_lines, drawn=("([", "])"))
