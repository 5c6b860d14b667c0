"""How a failure travels inside an evaluation, before it knows the expression it happened in."""

from __future__ import annotations

from advanced_workflow.workflows.errors import ExpressionBudgetExceeded, ExpressionError, ExpressionInvalid


class Fault(Exception):
    """An expression cannot be evaluated. The innermost node that has a position fills `column` in."""

    error: type[ExpressionError] = ExpressionError

    def __init__(self, reason: str, column: int = 0) -> None:
        """Keep the reason; `column` is 1-based, 0 where it is not known yet."""
        super().__init__(reason)
        self.reason = reason
        self.column = column

    def public(self, source: str) -> ExpressionError:
        """Return the error the caller sees."""
        return self.error(self.reason, source=source, column=self.column)


class MissingFault(Fault):
    """Something on a path is absent or null: what `has()` and `.?` guard against."""


class BudgetFault(Fault):
    """The evaluation costs too much; `||`, `&&` and `exists` do not swallow it."""

    error = ExpressionBudgetExceeded


class InvalidFault(Fault):
    """The expression is refused before it is ever evaluated."""

    error = ExpressionInvalid
