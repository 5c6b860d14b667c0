"""Conditions: an expression that gives a bool, or a field compared with a value."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Protocol, TypeAlias

from advanced_workflow.workflows.errors import ExpressionInvalid
from advanced_workflow.workflows.expressions.analysis import Reference, check_pattern
from advanced_workflow.workflows.expressions.budget import Frame
from advanced_workflow.workflows.expressions.expression import Expression, compile_expression
from advanced_workflow.workflows.expressions.faults import Fault, InvalidFault
from advanced_workflow.workflows.expressions.operators import truth
from advanced_workflow.workflows.expressions.text_functions import matches
from advanced_workflow.workflows.expressions.values import Value, equal, is_in, is_less, is_list, is_map, kind_of

_Test: TypeAlias = Callable[[Frame, Value, Value], bool]


class ConditionParts(Protocol):
    """What a condition is made of, as a definition's own model has it: an `expression`, or `field`, `operator` and `value`."""

    @property
    def expression(self) -> str | None:
        """An expression that gives a bool."""
        ...

    @property
    def field(self) -> str | None:
        """The left side: an expression."""
        ...

    @property
    def operator(self) -> str | None:
        """How the left side is compared with the value."""
        ...

    @property
    def value(self) -> Any:  # noqa: ANN401 - any JSON value
        """The right side: a literal."""
        ...


class CompiledCondition:
    """A condition ready to be tested; `references` is all it reads. `compile_condition` makes it."""

    __slots__ = ("_expression", "_test", "references")

    def __init__(self, expression: Expression, test: Callable[[Mapping[str, Any]], bool]) -> None:
        """Keep what was compiled."""
        self._expression = expression
        self._test = test
        self.references: frozenset[Reference] = expression.references

    def holds(self, scope: Mapping[str, Any]) -> bool:
        """Test the condition.

        Raises:
            ExpressionError: A field is missing (but for `exists`), the result is not a bool, or the values cannot be compared.
        """
        try:
            return self._test(scope)
        except Fault as fault:
            raise fault.public(self._expression.source) from None


def compile_condition(condition: ConditionParts, roots: Collection[str]) -> CompiledCondition:
    """Compile a condition; one that is `default: true` has no test, and the caller sees to it.

    Raises:
        ExpressionInvalid: Its expression is refused or cannot give a bool, or its value does not fit the operator.
    """
    if condition.expression is not None:
        return compile_test(condition.expression, roots)
    if condition.field is None or condition.operator is None:
        raise ExpressionInvalid("a default condition has nothing to test")
    field = compile_expression(condition.field, roots)
    operator, value = condition.operator, condition.value
    try:
        _check_value(operator, value)
    except Fault as fault:
        raise InvalidFault(f"operator '{operator}': {fault.reason}").public(condition.field) from None
    if operator == "exists":
        return CompiledCondition(field, lambda scope: field.has_value(scope) is not (value is False))
    test = _TESTS[operator]

    def compare(scope: Mapping[str, Any]) -> bool:
        left, frame = field.evaluate(scope), Frame(scope, 0)
        try:
            return test(frame, left, value)
        except Fault as fault:
            fault.reason = f"operator '{operator}': {fault.reason}"
            raise
        finally:
            frame.close()

    return CompiledCondition(field, compare)


def compile_test(source: str, roots: Collection[str]) -> CompiledCondition:
    """Compile an expression that must give a bool, such as a `loop_condition`; raise as `compile_condition` does."""
    expression = compile_expression(source, roots)
    if expression.result_type not in ("bool", "dyn"):
        raise ExpressionInvalid(f"gives {expression.result_type}, but a condition must give a bool", source=source)

    def test(scope: Mapping[str, Any]) -> bool:
        value = expression.evaluate(scope)
        if isinstance(value, bool):
            return value
        raise Fault(f"gave {kind_of(value)}, but a condition must give a bool")

    return CompiledCondition(expression, test)


def _contains(frame: Frame, container: Value, value: Value) -> bool:
    if is_list(container) or is_map(container):
        return is_in(frame, value, container)
    if not isinstance(container, str):
        raise Fault(f"needs a string, a list or a map, not {kind_of(container)}")
    if not isinstance(value, str):
        raise Fault(f"a string cannot contain {kind_of(value)}")
    frame.charge(len(container))
    return value in container


def _matches(frame: Frame, text: Value, pattern: Value) -> bool:
    if not isinstance(text, str):
        raise Fault(f"needs a string, not {kind_of(text)}")
    return matches(frame, text, pattern)


_TESTS: Final[dict[str, _Test]] = {
    "==": equal,
    "!=": lambda frame, left, right: not equal(frame, left, right),
    ">": lambda frame, left, right: is_less(frame, right, left),
    ">=": lambda frame, left, right: not is_less(frame, left, right),
    "<": is_less,
    "<=": lambda frame, left, right: not is_less(frame, right, left),
    "in": is_in,
    "not_in": lambda frame, left, right: not is_in(frame, left, right),
    "contains": _contains,
    "matches": _matches,
}


def _check_value(operator: str, value: Value) -> None:
    match operator:
        case "in" | "not_in":
            if not isinstance(value, list | dict):
                raise Fault(f"the value must be a list, not {kind_of(value)}")
        case "matches":
            if not isinstance(value, str):
                raise Fault(f"the value must be a pattern, not {kind_of(value)}")
            check_pattern(value)
        case "exists":
            if value is not None:
                truth(value, "exists")
        case ">" | ">=" | "<" | "<=":
            is_less(Frame({}, 0), value, value)
        case _:
            pass
