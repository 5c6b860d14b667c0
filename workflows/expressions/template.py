"""A mapping: JSON in which every string is an expression."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
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


def compile_mapping(mapping: Any, roots: Collection[str]) -> Template:  # noqa: ANN401 - any JSON value
    """Compile a mapping: strings are expressions, other scalars are literals, objects and arrays are walked.

    Raises:
        ExpressionInvalid: An expression is refused; the reason begins with its place.
    """
    found: set[Reference] = set()
    build = _compile_part(mapping, frozenset(roots), (), found)
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


def _compile_part(part: Any, roots: frozenset[str], place: tuple[str, ...], found: set[Reference]) -> _Build:  # noqa: ANN401
    if len(place) > MAX_DEPTH:
        raise ExpressionInvalid(f"the mapping is nested deeper than {MAX_DEPTH} levels")
    if isinstance(part, str):
        return _compile_text(part, roots, "".join(place), found)
    if is_map(part):
        fields = {name: _compile_part(value, roots, (*place, f".{name}"), found) for name, value in part.items()}
        return lambda scope: {name: build(scope) for name, build in fields.items()}
    if is_list(part):
        elements = [_compile_part(value, roots, (*place, f"[{index}]"), found) for index, value in enumerate(part)]
        return lambda scope: [build(scope) for build in elements]
    return lambda _: part


def _compile_text(source: str, roots: frozenset[str], place: str, found: set[Reference]) -> _Build:
    try:
        expression = compile_expression(source, roots)
    except ExpressionInvalid as error:
        raise located(error, place) from None
    found |= expression.references

    def build(scope: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
        try:
            return expression.evaluate(scope)
        except ExpressionError as error:
            raise located(error, place) from None

    return build
