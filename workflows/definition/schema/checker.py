"""One value checked against one schema: what is counted, what was seen, and what is said. The keywords' rules come from outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias, cast

from advanced_workflow.workflows.definition.problems.places import Loc
from advanced_workflow.workflows.definition.schema.places import MAX_PROBLEMS, resolve_pointer

_MAX_DEPTH: Final = 220
"""Schemas applied in each other, those of the value's own depth included."""


Find: TypeAlias = Callable[[str, str], bool]
"""Whether a pattern is found in a text."""


class TooCostlyError(Exception):
    """Checking a value takes more steps than are allowed."""


@dataclass(frozen=True, slots=True)
class Misfit:
    """One thing that does not fit."""

    loc: Loc
    keyword: str
    text: str


@dataclass(slots=True)
class Seen:
    """What of an object or list its schema has looked at, for `unevaluatedProperties` and `unevaluatedItems`."""

    names: set[str] = field(default_factory=set[str])
    first: int = 0
    """So many items from the beginning: a number, as a list may have a million."""
    indexes: set[int] = field(default_factory=set[int])
    """Items beyond those."""

    @property
    def size(self) -> int:
        """How much there is to take over."""
        return len(self.names) + len(self.indexes)

    def has_item(self, index: int) -> bool:
        """Whether an item was looked at."""
        return index < self.first or index in self.indexes

    def add(self, other: Seen) -> None:
        """Take over what an inner schema has looked at."""
        self.names |= other.names
        self.first = max(self.first, other.first)
        self.indexes |= other.indexes


class Validation:
    """Checks one value; `steps` counts down."""

    def __init__(
        self,
        root: Mapping[str, Any],
        steps: int,
        rules: Rules,
        last: Rules,
        find_before: Find | None = None,
        *,
        decimal: bool = True,
    ) -> None:
        """`root` is what references are looked up in; the `last` rules ask what the others have looked at.

        `find_before` finds patterns as runs that began before 0.2.0 do; numbers are divided as they are written (`decimal`), or as
        the doubles nearest to them.
        """
        self.root = root
        self._rules = rules
        self._last = last
        self.steps = steps
        self.find_before = find_before
        self.decimal = decimal
        self.used_patterns = False
        self._depth = 0

    def charge(self, steps: int) -> None:
        """Count steps before they are made."""
        self.steps -= steps
        if self.steps < 0:
            raise TooCostlyError

    def fits(self, schema: object, value: object, seen: Seen | None = None) -> bool:
        """Whether a value fits; nothing is said about why not."""
        return self.apply(schema, value, (), None, seen)

    def apply(
        self, schema: object, value: object, loc: Loc, found: list[Misfit] | None, seen: Seen | None = None
    ) -> bool:
        """Whether a value fits; what does not is added to `found`. Without it the first misfit ends the check."""
        self.charge(2)
        if not isinstance(schema, dict):
            if schema is False and found is not None:
                found.append(Misfit(loc, "false", "nothing is allowed here"))
            return schema is not False
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise RecursionError
        here, fits = Here(self, cast("dict[str, Any]", schema), value, loc, found), True
        for keyword, rule in self._rules_of(here.schema):
            self.charge(1)
            if not rule(here, here.schema[keyword]):
                fits = False
                if here.is_full:
                    break
        if fits and seen is not None:
            self.charge(here.seen.size // 4)
            seen.add(here.seen)
        self._depth -= 1
        return fits

    def _rules_of(self, schema: dict[str, Any]) -> Iterator[tuple[str, Rule]]:
        for rules in (self._rules, self._last):
            for keyword in schema if rules is self._rules else rules:
                if keyword in rules and keyword in schema:
                    yield keyword, rules[keyword]

    def target(self, pointer: str) -> object:
        """What a reference leads to."""
        found = resolve_pointer(pointer, self.root)
        if found is None:
            raise LookupError(pointer)
        return found


@dataclass(slots=True)
class Here:
    """One schema applied to one value."""

    run: Validation
    schema: dict[str, Any]
    value: Any
    loc: Loc
    found: list[Misfit] | None
    seen: Seen = field(default_factory=Seen)

    @property
    def fields(self) -> dict[str, object] | None:
        """The value where it is an object."""
        return cast("dict[str, object]", self.value) if isinstance(self.value, dict) else None

    @property
    def items(self) -> list[object] | None:
        """The value where it is a list."""
        return cast("list[object]", self.value) if isinstance(self.value, list) else None

    @property
    def is_full(self) -> bool:
        """Whether nothing more is to be said."""
        return self.found is None or len(self.found) >= MAX_PROBLEMS

    def refuse(self, keyword: str, text: str) -> bool:
        """Note a misfit. Gives False."""
        if self.found is not None:
            self.found.append(Misfit(self.loc, keyword, text))
        return False

    def each(self, parts: Iterable[tuple[object, object, Loc]]) -> bool:
        """Whether all values fit: schema, value, and where that is in this one. A part at no place is the value itself."""
        fits = True
        for schema, value, loc in parts:
            seen = None if loc else self.seen
            if not self.run.apply(schema, value, (*self.loc, *loc), self.found, seen):
                fits = False
                if self.is_full:
                    break
        return fits


Rule: TypeAlias = Callable[[Here, Any], bool]
"""One keyword: whether the value fits what it says. Notes a misfit where it does not."""
Rules: TypeAlias = Mapping[str, Rule]
