"""What one expression may cost: the limits, and the meter that one evaluation carries.

Work is counted in units that follow from the expression and its data alone, never from a clock, so a limit is met at the same
place in every process and on every replay.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, cast

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

MAX_COST: Final = 3_200_000
"""Cost of one evaluation, or of a mapping as a whole, in a run: a tenth of a second. A unit of cost is 1/32 of a microsecond."""

COST_OF_MICROSECOND: Final = 32

MAX_WRITTEN: Final = 8 * 1024 * 1024
"""Characters of a result when it is written out: what it holds twice is written twice."""


class Account:
    """What the evaluations of one run cost. A scope that has one as its `account` is evaluated within `MAX_COST`."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        """Nothing was evaluated."""
        self._left: int | None = None

    @property
    def left(self) -> int:
        """The cost that the next evaluation may have."""
        return MAX_COST if self._left is None else self._left

    def is_strict(self) -> bool:
        """Whether what costs too much fails; a run that began under older rules does not ask."""
        return True

    def spend(self, cost: int) -> None:
        """Count what an evaluation cost."""
        if self._left is not None:
            self._left -= cost

    @contextmanager
    def together(self) -> Generator[None, None, None]:
        """All evaluations inside have one budget."""
        self._left = MAX_COST
        try:
            yield
        finally:
            self._left = None


class Frame:
    """The state of one evaluation: the data, the meter and the variables of comprehensions."""

    __slots__ = ("_account", "_left", "_start", "_written", "iterations", "scope", "slots", "work")

    def __init__(self, scope: Any, slots: int) -> None:  # noqa: ANN401 - a Mapping of root -> any JSON value
        """Start with nothing used."""
        self.scope = scope
        self.slots: list[Any] = [None] * slots
        self.iterations = 0
        self.work = 0
        self._account: Account | None = getattr(scope, "account", None)
        self._start = self._left = MAX_WORK if self._account is None else self._account.left
        self._written = 0

    def charge(self, units: int) -> None:
        """Count work, before it is done; raise `BudgetFault` when it is too much."""
        self.work += units
        self._left -= units
        if self._left < 0:
            self._require_more()

    def charge_time(self, microseconds: int) -> None:
        """Count time that is more than the work says; raise as `charge` does."""
        if self._account is not None:
            self._left -= COST_OF_MICROSECOND * microseconds
            self.charge(0)

    def pass_over(self, characters: int) -> None:
        """Count text that is measured and not read: it costs nothing but by the older rules."""
        if self._account is None or not self._account.is_strict():
            self.charge(characters)

    def start_round(self, units: int) -> None:
        """Count one round of a comprehension whose body costs so much."""
        self.iterations += 1
        if self.iterations > MAX_ITERATIONS:
            raise BudgetFault(f"needs more than {MAX_ITERATIONS} iterations; use less data or do it in an action")
        self.charge(units)

    def write(self, characters: int) -> None:
        """Count characters of the result; raise `BudgetFault` when it becomes too large."""
        self._written += characters
        if self._written > MAX_WRITTEN and self._account is not None and self._account.is_strict():
            raise BudgetFault(
                f"its result has more than {MAX_WRITTEN:,} characters when it is written out; map less, or pass a reference"
            )

    def close(self) -> None:
        """The evaluation is over: its run counts what it cost."""
        if self._account is not None:
            self._account.spend(self._start - self._left)

    def _require_more(self) -> None:
        if self.work > MAX_WORK:
            raise BudgetFault(
                f"needs more than {MAX_WORK} units of work or memory; use less data or do it in an action"
            )
        if self._account is not None and self._account.is_strict():
            raise BudgetFault("takes too long; use less data or do it in an action")
        # By the older rules only the work counts.
        more = MAX_WORK - self.work - self._left
        self._start += more
        self._left += more


def written_size(value: object, most: int) -> int:
    """Return the characters of a value when it is written out, from below; stops counting beyond `most`."""
    size, waiting = 0, [value]
    while waiting and size <= most:
        item = waiting.pop()
        if isinstance(item, str):
            size += len(item) + 2
        elif isinstance(item, dict):
            inner = cast("dict[str, object]", item)
            size += 2 + 4 * len(inner) + sum(map(len, inner))
            waiting += inner.values()
        elif isinstance(item, list):
            size += 2 + len(cast("list[object]", item))
            waiting += cast("list[object]", item)
        else:
            size += 1
    return size
