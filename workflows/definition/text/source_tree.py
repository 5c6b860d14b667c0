"""Plain data read from a text, with the line of every place in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite

from pydantic import JsonValue

from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import Loc, parents, path_text, shorten
from advanced_workflow.workflows.definition.problems.problem import Problem

MAX_BYTES = 1024 * 1024
"""Largest definition, as UTF-8 text."""
MAX_NESTING = 200
"""Deepest nesting of lists and objects in a definition's text."""


class SourceInvalid(Exception):
    """The text cannot be read; carries the one problem that stopped the reader."""

    def __init__(self, code: Code, message: str, fix: str, *, loc: Loc = (), line: int | None = None) -> None:
        """Keep the problem."""
        self.problem = Problem(code.value, path_text(loc), message, fix, line)
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class SourceTree:
    """What a reader gives: the data, and written place -> 1-based line."""

    data: JsonValue
    lines: dict[str, int] = field(default_factory=dict)

    def line_of(self, path: str) -> int | None:
        """Line of a place, or of the nearest thing around it that the text holds."""
        return next((self.lines[place] for place in parents(path) if place in self.lines), None)


@dataclass(slots=True)
class _Open:
    """A list or object that is still being filled."""

    value: dict[str, JsonValue] | list[JsonValue]
    loc: Loc
    key: str | None = None


@dataclass(slots=True)
class TreeBuilder:
    """Builds plain data from a stream of events without recursion, refusing what no definition may hold."""

    lines: dict[str, int] = field(default_factory=dict)
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

    def key(self, key: str, line: int) -> None:
        """Name the next value of the innermost object."""
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
        self.lines[path_text((*top.loc, key))] = line

    def scalar(self, value: str | float | bool | None, line: int) -> None:
        """Add a value that holds no others."""
        loc = self._add(value, line)
        if isinstance(value, float) and not isfinite(value):
            raise SourceInvalid(
                Code.NOT_FINITE, "the number is not finite.", "Write a number, or a string.", loc=loc, line=line
            )

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
