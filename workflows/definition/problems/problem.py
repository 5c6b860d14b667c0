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
    and None where the source has no lines. Warnings do not make a definition invalid.
    """

    code: str
    path: str
    message: str
    fix: str
    line: int | None = None
    severity: Literal["error", "warning"] = "error"

    def at_line(self, line: int | None) -> Problem:
        """Give the same problem with its line."""
        return replace(self, line=line)

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
