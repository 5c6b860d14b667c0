"""Plain data read from a text, with the line of every place in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite
from typing import TypeAlias, TypedDict

from pydantic import JsonValue

from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, parents, path_text, shorten
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.definition.text.positions import offset_of

Starts: TypeAlias = dict[str, tuple[tuple[int, str], ...]]
"""Written place -> the texts there, the value's before the key's: where each begins, and what it says."""

MAX_BYTES = 1024 * 1024
"""Largest definition, as UTF-8 text."""
MAX_NESTING = 200
"""Deepest nesting of lists and objects in a definition's text."""


class PlaceInText(TypedDict, total=False):
    """A line and a column of it, both from 1, and the line itself."""

    line: int
    column: int
    source_line: str


def place_at(text: str, line: int, column: int) -> PlaceInText:
    """A place that a parser tells."""
    lines = text.split("\n")
    shown = lines[line - 1].rstrip("\r") if line <= len(lines) else ""
    return {"line": line, "column": column, "source_line": shown}


class SourceInvalid(Exception):
    """The text cannot be read; carries the one problem that stopped the reader."""

    def __init__(
        self,
        code: Code,
        message: str,
        fix: str,
        *,
        loc: Loc = (),
        line: int | None = None,
        column: int | None = None,
        source_line: str | None = None,
    ) -> None:
        """Keep the problem; `column` is 1-based."""
        self.problem = Problem(code.value, path_text(loc), message, fix).at_line(line, column, source_line)
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class SourceTree:
    """What a reader gives: the data, written place -> 1-based line, and where the texts in it begin."""

    data: JsonValue
    lines: dict[str, int] = field(default_factory=dict)
    text: str = ""
    starts: Starts = field(default_factory=dict)
    doubts: tuple[Problem, ...] = ()
    """Warnings about what was read otherwise than it looks."""

    def line_of(self, path: str) -> int | None:
        """Line of a place, or of the nearest thing around it that the text holds."""
        return next((self.lines[place] for place in parents(path) if place in self.lines), None)

    def located(self, problem: Problem) -> Problem:
        """The problem with its line, and with the column where it is one of an expression that the text holds."""
        line, expression = self.line_of(problem.path), problem.expression
        if expression is None:
            return problem.at_line(line)
        for start, value in self._texts_at(problem.path):
            begins = value.find(expression)
            offset = None if begins < 0 else offset_of(self.text, start, value, begins + max(problem.at, 1) - 1)
            if offset is not None:
                line, column, shown = _place(self.text, offset)
                return problem.at_line(line, column, shown if problem.at else None)
        return problem.at_line(line)

    def _texts_at(self, path: str) -> list[tuple[int, str]]:
        """The texts that an expression at a place may be: the value, a part of a condition, or the key."""
        places = (path, f"{path}.expression", f"{path}.field")
        return [text for place in places for text in self.starts.get(place, ())]


def _place(text: str, offset: int) -> tuple[int, int, str]:
    """Line and column of an offset, both from 1, and the line."""
    begins = text.rfind("\n", 0, offset) + 1
    ends = text.find("\n", offset)
    return (
        text.count("\n", 0, offset) + 1,
        offset - begins + 1,
        text[begins : ends if ends >= 0 else len(text)].rstrip("\r"),
    )


@dataclass(slots=True)
class _Open:
    """A list or object that is still being filled."""

    value: dict[str, JsonValue] | list[JsonValue]
    loc: Loc
    key: str | None = None
    path: str = ""
    """Of the key that waits for its value."""


@dataclass(slots=True)
class TreeBuilder:
    """Builds plain data from a stream of events without recursion, refusing what no definition may hold."""

    lines: dict[str, int] = field(default_factory=dict)
    starts: Starts = field(default_factory=dict)
    doubts: list[Problem] = field(default_factory=list)
    root: JsonValue = None
    _open: list[_Open] = field(default_factory=list)

    def begin(self, value: dict[str, JsonValue] | list[JsonValue], line: int) -> None:
        """Start a list or object."""
        loc = self._add(value, line)
        if len(self._open) >= MAX_NESTING:
            raise SourceInvalid(
                Code.TOO_DEEP,
                f"the text nests deeper than {MAX_NESTING} levels.",
                "Flatten it.",
                loc=loc[:8],
                line=line,
            )
        self._open.append(_Open(value, loc))

    def end(self) -> None:
        """Finish the innermost list or object."""
        self._open.pop()

    @property
    def expects_key(self) -> bool:
        """Whether the next thing must be an object's key."""
        return bool(self._open) and isinstance(self._open[-1].value, dict) and self._open[-1].key is None

    def key(self, key: str, line: int, start: int = 0) -> None:
        """Name the next value of the innermost object; `start` is where the key begins in the text."""
        top = self._open[-1]
        if isinstance(top.value, dict) and key in top.value:
            loc = (*top.loc, key)
            raise SourceInvalid(
                Code.DUPLICATE_KEY,
                f"the key {shorten(key)!r} is here twice.",
                "Remove one of them.",
                loc=loc,
                line=line,
            )
        top.key = key
        top.path = path_text((*top.loc, key))
        self.lines[top.path] = line
        self._starts_at(top.path, start, key)

    def scalar(self, value: str | float | bool | None, line: int, start: int = 0) -> None:
        """Add a value that holds no others; `start` is where it begins in the text."""
        top = self._open[-1] if self._open else None
        path = top.path if top is not None and isinstance(top.value, dict) else None
        loc = self._add(value, line)
        if isinstance(value, str):
            self._starts_at(path_text(loc) if path is None else path, start, value)
        if isinstance(value, float) and not isfinite(value):
            raise SourceInvalid(
                Code.NOT_FINITE, "the number is not finite.", "Write a number, or a string.", loc=loc, line=line
            )

    def doubt(self, number: str, line: int) -> None:
        """Note that the number which comes next has zeros before it, which are lost."""
        top = self._open[-1] if self._open else None
        loc = () if top is None else (*top.loc, top.key or "" if isinstance(top.value, dict) else len(top.value))
        message = f"{number} is read as the number {int(number)}, without its zeros."
        fix = f"Put it in quotes if it is text; where an expression is wanted, in both: \"'{number}'\"."
        self.doubts.append(Problem(Code.WRONG_VALUE.value, path_text(loc), message, fix, line, "warning"))

    def _starts_at(self, path: str, start: int, value: str) -> None:
        self.starts[path] = ((start, value), *self.starts.get(path, ()))

    def _add(self, value: JsonValue, line: int) -> Loc:
        if not self._open:
            self.root = value
            self.lines[""] = line
            return ()
        top = self._open[-1]
        if isinstance(top.value, list):
            loc: Loc = (*top.loc, len(top.value))
            top.value.append(value)
            self.lines[path_text(loc)] = line
            return loc
        key = top.key if top.key is not None else ""
        top.value[key] = value
        top.key = None
        return (*top.loc, key)
