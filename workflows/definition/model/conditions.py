"""Conditions: what must hold for a step to run, or for a route to be taken."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import JsonValue, StrictBool, model_validator

from advanced_workflow.workflows.definition.model.base import ShortFormed
from advanced_workflow.workflows.definition.model.markers import ShortForm, StepName


class Operator(StrEnum):
    """What a `field`/`operator`/`value` condition compares with."""

    EQ = "=="
    NE = "!="
    GT = ">"
    GE = ">="
    LT = "<"
    LE = "<="
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    EXISTS = "exists"
    MATCHES = "matches"


class Condition(ShortFormed):
    """One condition: an `expression`, or `field`, `operator` and `value`; a bare string is an expression.

    On a `conditional` step it also carries the `next_steps` it routes to, and one may be `default: true` instead of a test.
    """

    expression: Annotated[str | None, ShortForm("A CEL expression that gives a bool.")] = None
    """A CEL expression that gives a bool."""
    field: str | None = None
    """The left side: an expression, usually a path such as `steps.quote.output.total`."""
    operator: Operator | None = None
    """How `field` is compared with `value`."""
    value: JsonValue = None
    """The right side: a literal. `exists` takes none, or a bool."""
    default: StrictBool = False
    """Holds when no other condition of the step does."""
    next_steps: Annotated[tuple[str, ...], StepName("route")] = ()
    """Steps this condition routes to (`conditional` steps only)."""

    @model_validator(mode="after")
    def _one_form(self) -> Condition:
        forms = [self.expression is not None, self.field is not None or self.operator is not None, self.default]
        if sum(forms) != 1:
            raise ValueError("give either 'expression', or 'field' with 'operator', or 'default: true'")
        if (self.field is None) != (self.operator is None):
            raise ValueError("'field' and 'operator' belong together")
        return self
