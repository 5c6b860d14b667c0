"""A problem of a definition: where, what, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from advanced_workflow.workflows.errors import DefinitionInvalid


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of `check`.

    `code` is stable between releases; `path` is written as `steps[2].parallel_steps[0].dependencies[1]`; `line` is 1-based
    and None where the source has no lines. Warnings do not make a definition invalid. Where an expression is wrong `expression` is
    its text and `at` the place in it; `column` is that place in the line. Both are 1-based, `at` is 0 where it is not known.
    """

    code: str
    path: str
    message: str
    fix: str
    line: int | None = None
    severity: Literal["error", "warning"] = "error"
    column: int | None = None
    source_line: str | None = None
    """The line itself, where the column is known."""
    expression: str | None = None
    at: int = 0

    def at_line(self, line: int | None, column: int | None = None, source_line: str | None = None) -> Problem:
        """Give the same problem with its line, and with the column in it where that is known."""
        return replace(self, line=line, column=column, source_line=None if column is None else source_line)

    def of_expression(self, expression: str, at: int) -> Problem:
        """Give the same problem as one of an expression, at a column of it."""
        return replace(self, expression=expression, at=at)

    def at_path(self, path: str) -> Problem:
        """Give the same problem at another place."""
        return replace(self, path=path)

    def __str__(self) -> str:
        """One line: place, code, sentence, fix."""
        place = f"{self.path or 'definition'}" + (f" (line {self.line})" if self.line else "")
        return f"{place}: {self.message} {self.fix} [{self.code}]"


def errors_of(problems: Iterable[Problem]) -> list[Problem]:
    """Only those that make the definition invalid."""
    return [problem for problem in problems if problem.severity == "error"]


class DefinitionProblems(DefinitionInvalid):
    """A definition that cannot be used, with all its problems.

    The message names the source and the first problems; `problems` holds every one.
    """

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        """Build the sentence from the first three errors."""
        self.source = source
        self.problems = tuple(problems)
        errors = errors_of(self.problems) or list(self.problems)
        more = f" ({len(errors) - 3} more; 'adw check' lists all)" if len(errors) > 3 else ""
        super().__init__(f"{source}: {' '.join(str(problem) for problem in errors[:3])}{more}")
