"""The questions that only a run can answer, and which answers may go together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Final

from advanced_workflow.workflows.expressions.absence import key_of, paths_in
from advanced_workflow.workflows.expressions.analysis import chain_of
from advanced_workflow.workflows.expressions.syntax import Call, Literal, Node
from advanced_workflow.workflows.plain.decisions import ALWAYS, NEVER, Decisions

_COMPUTED: Final = frozenset({"steps", "workflow", "event", "result", "progress"})
"""Data that steps made: it may depend on anything."""
_MOST_TOGETHER: Final = 6
"""Tests of one piece of data whose answers are weighed against each other."""
_Path = tuple[str, ...]


class Questions:
    """Each question is asked once: the same test of data has one answer, wherever it is written."""

    def __init__(self, decisions: Decisions) -> None:
        """Nothing was asked yet."""
        self._to = decisions
        self._asked: dict[object, int] = {}
        self._tests: dict[int, Node] = {}

    def test(self, node: Node) -> int:
        """A test of data."""
        asked = self.about(key_of(node))
        self._tests[self._to.question_of(asked)] = node
        return asked

    def about(self, *key: object) -> int:
        """Something else about a run."""
        if key not in self._asked:
            self._asked[key] = self._to.ask()
        return self._asked[key]

    def may_be(self, worlds: int) -> bool:
        """Whether one of these worlds is one that may be, as far as can be said.

        What cannot be understood is given the benefit of the doubt: of several tests of one piece of data, or of anything beside data
        that steps made, one may follow from another. So these worlds count only where one answer alone makes them.
        """
        tests = {number: self._tests[number] for number in self._to.questions_in(worlds) if number in self._tests}
        for together in _related(tests):
            if len(together) > 1 and worlds != NEVER:
                worlds = self._doubted(worlds, {number: tests[number] for number in together})
        return worlds != NEVER

    def _doubted(self, worlds: int, tests: dict[int, Node]) -> int:
        to = self._to
        possible = to.all_of(self._possible(same) for same in _by_path(tests) if len(same) > 1)
        worlds = to.both(worlds, possible)
        if len({paths[0] for paths in map(_paths, tests.values())}) == 1 and possible != ALWAYS:
            return worlds
        if len(tests) > _MOST_TOGETHER:
            return NEVER
        doubtful = to.either(worlds, to.negated(possible))
        found = NEVER
        for number in tests:
            for answer in (False, True):
                face = to.given(doubtful, number, answer=answer)
                for other in tests.keys() - {number}:
                    face = to.both(to.given(face, other, answer=False), to.given(face, other, answer=True))
                made = to.both(worlds, face)
                found = to.either(found, to.given(made, number, answer=answer))
        return found

    def _possible(self, tests: dict[int, Node]) -> int:
        """The answers that some value of the one piece of data gives."""
        to, found = self._to, NEVER
        for value in _samples(tests.values()):
            answers = {number: _answer(node, value) for number, node in tests.items()}
            if None not in answers.values():
                fits = (to.answered(number, answer=bool(answer)) for number, answer in answers.items())
                found = to.either(found, to.all_of(fits))
        return found if found != NEVER else ALWAYS


def _paths(node: Node) -> list[_Path]:
    return sorted(set(paths_in(node)))


def _related(tests: dict[int, Node]) -> Iterator[set[int]]:
    """Tests that read common data, in groups; where one reads what steps made, all are one group."""
    paths = {number: _paths(node) for number, node in tests.items()}
    if any(path[0] in _COMPUTED for found in paths.values() for path in found):
        yield set(tests)
        return
    groups: list[set[int]] = [{number} for number in tests]
    for one, other in combinations(tests, 2):
        if any(_overlap(left, right) for left in paths[one] for right in paths[other]):
            joined = [group for group in groups if one in group or other in group]
            groups = [group for group in groups if group not in joined] + [set[int]().union(*joined)]
    yield from groups


def _overlap(one: _Path, other: _Path) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _by_path(tests: dict[int, Node]) -> list[dict[int, Node]]:
    """The tests that compare one piece of data with fixed values, by that piece."""
    found: dict[_Path, dict[int, Node]] = {}
    for number, node in tests.items():
        if (path := _compared(node)) is not None:
            found.setdefault(path, {})[number] = node
    return list(found.values())


def _compared(node: Node) -> _Path | None:
    chain = chain_of(node)
    if chain is not None:
        return (chain.root, *chain.path)
    if not isinstance(node, Call) or node.function not in ("_<_", "_==_"):
        return None
    paths = [one for arg in node.args if (one := chain_of(arg)) is not None]
    fixed = sum(isinstance(arg, Literal) for arg in node.args)
    return (paths[0].root, *paths[0].path) if len(paths) == 1 and fixed == 1 else None


def _samples(tests: Iterable[Node]) -> list[object]:
    """Values around those that the tests compare with."""
    found: dict[tuple[str, object], object] = {}
    for node in tests:
        for arg in node.args if isinstance(node, Call) else ():
            if isinstance(arg, Literal):
                for value in _near(arg.value):
                    found[type(value).__name__, value] = value
    for value in (True, False):
        found["bool", value] = value
    return list(found.values())


def _near(value: object) -> list[object]:
    if isinstance(value, bool) or value is None:
        return [value, "something else"]
    if isinstance(value, int | float):
        return [value, value - 1, value + 1, value - 0.5, value + 0.5]
    return [value, f"{value} ", ""]


def _answer(node: Node, value: object) -> bool | None:
    """What the test says of a value; None where it fails."""
    if chain_of(node) is not None:
        return value if isinstance(value, bool) else None
    if not isinstance(node, Call):
        return None
    left, right = (arg.value if isinstance(arg, Literal) else value for arg in node.args)
    if isinstance(left, bool) or isinstance(right, bool):
        return (type(left) is type(right) and left == right) if node.function == "_==_" else None
    if node.function == "_==_":
        return left == right
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left < right
    return left < right if isinstance(left, str) and isinstance(right, str) else None
