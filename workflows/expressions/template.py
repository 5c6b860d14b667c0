"""A mapping: JSON in which every string is an expression."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from advanced_workflow.workflows.errors import ExpressionBudgetExceeded, ExpressionError, ExpressionInvalid
from advanced_workflow.workflows.expressions.analysis import Reference
from advanced_workflow.workflows.expressions.budget import MAX_DEPTH, MAX_WRITTEN, Account, written_size
from advanced_workflow.workflows.expressions.expression import compile_expression
from advanced_workflow.workflows.expressions.values import is_list, is_map

_Build: TypeAlias = Callable[[Mapping[str, Any]], Any]


class Template:
    """A compiled mapping; `references` is all it reads. `compile_mapping` makes it."""

    __slots__ = ("_build", "_has_several", "references")

    def __init__(self, build: _Build, references: frozenset[Reference], *, has_several: bool = True) -> None:
        """Keep what was compiled."""
        self._build = build
        self._has_several = has_several
        self.references = references

    def evaluate(self, scope: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
        """Return the mapping with each expression's value in its place, in the mapping's own order.

        Raises:
            ExpressionError: An expression failed; the reason begins with its place, such as `.items[0].price`.
        """
        account: Account | None = getattr(scope, "account", None)
        if account is None:
            return self._build(scope)
        with account.together():
            value = self._build(scope)
        if self._has_several:  # One alone is no larger than what it reads.
            _require_size(value, account)
        return value


Lacks = Callable[[Reference], bool]
"""Whether what an expression reads may not be there."""


def compile_mapping(mapping: Any, roots: Collection[str], may_lack: Lacks | None = None) -> Template:  # noqa: ANN401 - any JSON value
    """Compile a mapping: strings are expressions, other scalars are literals, objects and arrays are walked.

    Where an expression that reads what `may_lack` says cannot be evaluated its value is null.

    Raises:
        ExpressionInvalid: An expression is refused; the reason begins with its place.
    """
    found: set[Reference] = set()
    build = _Compiling(frozenset(roots), found, may_lack).part(mapping, ())
    return Template(build, frozenset(found), has_several=_count_texts(mapping) > 1)


def _count_texts(part: Any) -> int:  # noqa: ANN401 - any JSON value
    if isinstance(part, str):
        return 1
    inner = part.values() if is_map(part) else part if is_list(part) else ()
    return sum(map(_count_texts, inner))


def _require_size(value: Any, account: Account) -> None:  # noqa: ANN401 - any JSON value
    if written_size(value, MAX_WRITTEN) > MAX_WRITTEN and account.is_strict():
        raise ExpressionBudgetExceeded(
            f"the mapping has more than {MAX_WRITTEN:,} characters when it is written out; map less, or pass a reference"
        )


def located(error: ExpressionError, place: str) -> ExpressionError:
    """Return the same error with its place in front of the reason."""
    reason = f"{place}: {error.reason}" if place else error.reason
    return type(error)(reason, source=error.source, column=error.column)


@dataclass(frozen=True, slots=True)
class _Compiling:
    """One mapping that is being compiled, and what it was found to read."""

    roots: frozenset[str]
    found: set[Reference]
    may_lack: Lacks | None

    def part(self, part: Any, place: tuple[str, ...]) -> _Build:  # noqa: ANN401 - any JSON value
        if len(place) > MAX_DEPTH:
            raise ExpressionInvalid(f"the mapping is nested deeper than {MAX_DEPTH} levels")
        if isinstance(part, str):
            return self._text(part, "".join(place))
        if is_map(part):
            fields = {name: self.part(value, (*place, f".{name}")) for name, value in part.items()}
            return lambda scope: {name: build(scope) for name, build in fields.items()}
        if is_list(part):
            elements = [self.part(value, (*place, f"[{index}]")) for index, value in enumerate(part)]
            return lambda scope: [build(scope) for build in elements]
        return lambda _: part

    def _text(self, source: str, place: str) -> _Build:
        try:
            expression = compile_expression(source, self.roots)
        except ExpressionInvalid as error:
            raise located(error, place) from None
        self.found.update(expression.references)
        may_be_null = self.may_lack is not None and any(map(self.may_lack, expression.references))

        def build(scope: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
            try:
                return expression.evaluate(scope)
            except ExpressionError as error:
                if may_be_null and not isinstance(error, ExpressionBudgetExceeded):
                    return None
                raise located(error, place) from None

        return build
