"""What one expression may cost: the limits, and the meter that one evaluation carries.

Work is counted in units that follow from the expression and its data alone, never from a clock, so a limit is met at the same
place in every process and on every replay.
"""

from __future__ import annotations

from typing import Any, Final

from advanced_workflow.workflows.expressions.faults import BudgetFault

MAX_SOURCE_LENGTH: Final = 4_000
"""Characters of an expression. The grammar itself stops at 32 levels of nesting."""

MAX_OPTIONAL_MACROS: Final = 4
"""`optMap` and `optFlatMap` in one expression: the parser copies their operand, so each one doubles what stands before it."""

MAX_ITERATIONS: Final = 10_000
"""Rounds of all `map`, `filter`, `all`, `exists` and `exists_one` of one evaluation together."""

MAX_WORK: Final = 16 * 1024 * 1024
"""Work units of one evaluation: one for each character read or written, `ELEMENT_WORK` for each element.

It bounds memory (every character and element made is counted, and none is given back) and time (about half a second).
"""

ELEMENT_WORK: Final = 16
"""Units for an element of a list or map that is compared, searched or made, and for a node evaluated in a round."""

MAX_DEPTH: Final = 100
"""Levels of nesting of a value that is compared or built."""

MAX_PATTERN_LENGTH: Final = 1_000
"""Characters of a regular expression."""


class Frame:
    """The state of one evaluation: the data, the meter and the variables of comprehensions."""

    __slots__ = ("iterations", "scope", "slots", "work")

    def __init__(self, scope: Any, slots: int) -> None:  # noqa: ANN401 - a Mapping of root -> any JSON value
        """Start with nothing used."""
        self.scope = scope
        self.slots: list[Any] = [None] * slots
        self.iterations = 0
        self.work = 0

    def charge(self, units: int) -> None:
        """Count work, before it is done; raise `BudgetFault` when it is too much."""
        self.work += units
        if self.work > MAX_WORK:
            raise BudgetFault(
                f"needs more than {MAX_WORK} units of work or memory; use less data or do it in an action"
            )

    def start_round(self, units: int) -> None:
        """Count one round of a comprehension whose body costs so much."""
        self.iterations += 1
        if self.iterations > MAX_ITERATIONS:
            raise BudgetFault(f"needs more than {MAX_ITERATIONS} iterations; use less data or do it in an action")
        self.charge(units)
