"""Decisions: what follows from yes-or-no questions, as diagrams in which equal decisions are one number.

A reduced ordered binary decision diagram. `NEVER` and `ALWAYS` are the two that ask nothing. A later question stands above earlier
ones, so that a chain of steps costs each of them one more node.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

NEVER: Final = 0
ALWAYS: Final = 1

_DEEPEST: Final = 250
"""Questions below each other that one operation follows."""


class TooManyDecisions(Exception):
    """The decisions cost more than was allowed."""


class Decisions:
    """The nodes of some decisions over common questions. Every operation raises `TooManyDecisions` once the allowance is used up."""

    def __init__(self, allowance: int) -> None:
        """`allowance` bounds the steps of all operations together, and so the nodes."""
        self._left = allowance
        # The two ends stand below every question.
        self._nodes: list[tuple[int, int, int]] = [(-1, NEVER, NEVER), (-1, ALWAYS, ALWAYS)]
        self._numbers: dict[tuple[int, int, int], int] = {}
        self._known: dict[tuple[int, int, int], int] = {}
        self._questions = 0

    def ask(self) -> int:
        """A new question that may be answered either way."""
        self._questions += 1
        return self._node(self._questions - 1, NEVER, ALWAYS)

    def answered(self, question: int, *, answer: bool) -> int:
        """Where a question is answered so."""
        return self._node(question, NEVER, ALWAYS) if answer else self._node(question, ALWAYS, NEVER)

    def question_of(self, asked: int) -> int:
        """The number of a question that `ask` gave."""
        return self._nodes[asked][0]

    def choose(self, test: int, yes: int, no: int) -> int:
        """`yes` where the test holds, else `no`."""
        return self._choose(test, yes, no, _DEEPEST)

    def both(self, left: int, right: int) -> int:
        """Where both hold."""
        return self.choose(left, right, NEVER)

    def either(self, left: int, right: int) -> int:
        """Where at least one holds."""
        return self.choose(left, ALWAYS, right)

    def negated(self, one: int) -> int:
        """Where it does not hold."""
        return self.choose(one, NEVER, ALWAYS)

    def all_of(self, parts: Iterable[int]) -> int:
        """Where all hold."""
        result = ALWAYS
        for one in parts:
            result = self.both(one, result)
        return result

    def any_of(self, parts: Iterable[int]) -> int:
        """Where at least one holds."""
        result = NEVER
        for one in parts:
            result = self.either(one, result)
        return result

    def given(self, one: int, question: int, *, answer: bool) -> int:
        """What is left of it once a question is answered."""
        return self._without(self.both(one, self.answered(question, answer=answer)), question, {}, _DEEPEST)

    def questions_in(self, *decisions: int) -> set[int]:
        """The questions that they depend on."""
        found: set[int] = set()
        seen: set[int] = set()
        waiting = list(decisions)
        while waiting:
            number = waiting.pop()
            if number > ALWAYS and number not in seen:
                self.spend()
                seen.add(number)
                question, no, yes = self._nodes[number]
                found.add(question)
                waiting += (no, yes)
        return found

    def _without(self, one: int, question: int, known: dict[int, int], depth: int) -> int:
        """Take a question out: what holds with either answer to it."""
        top, no, yes = self._nodes[one]
        if top < question:
            return one
        if one not in known:
            self.spend()
            if not depth:
                raise TooManyDecisions
            if top == question:
                known[one] = self.either(no, yes)
            else:
                low, high = (self._without(side, question, known, depth - 1) for side in (no, yes))
                known[one] = self._node(top, low, high)
        return known[one]

    def _choose(self, test: int, yes: int, no: int, depth: int) -> int:
        if test <= ALWAYS:
            return yes if test else no
        if yes == no:
            return yes
        if (yes, no) == (ALWAYS, NEVER):
            return test
        key = (test, yes, no)
        known = self._known.get(key)
        if known is not None:
            return known
        self.spend()
        if not depth:
            raise TooManyDecisions
        top = max(self._nodes[test][0], self._nodes[yes][0], self._nodes[no][0])
        (test_no, test_yes), (yes_no, yes_yes), (no_no, no_yes) = (self._split(one, top) for one in key)
        low = self._choose(test_no, yes_no, no_no, depth - 1)
        high = self._choose(test_yes, yes_yes, no_yes, depth - 1)
        return self._known.setdefault(key, self._node(top, low, high))

    def _split(self, one: int, question: int) -> tuple[int, int]:
        top, no, yes = self._nodes[one]
        return (no, yes) if top == question else (one, one)

    def _node(self, question: int, no: int, yes: int) -> int:
        if no == yes:
            return no
        key = (question, no, yes)
        number = self._numbers.get(key)
        if number is None:
            self.spend()
            number = self._numbers[key] = len(self._nodes)
            self._nodes.append(key)
        return number

    def spend(self, steps: int = 1) -> None:
        """Take steps off the allowance."""
        self._left -= steps
        if self._left < 0:
            raise TooManyDecisions
