"""When an expression reads what a step does not have: worked out from its text alone, as decisions over what is not known before a run.

`steps.ship.output.id` fails where the step has no output. `has(steps.ship.output) ? steps.ship.output.id : null` never does, and
`input.paid ? steps.ship.output.id : null` only where `input.paid` holds; what a test compares is one question wherever it is asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

from advanced_workflow.workflows.expressions.analysis import access_of, chain_of, function_name
from advanced_workflow.workflows.expressions.budget import Frame
from advanced_workflow.workflows.expressions.cel_language import parse
from advanced_workflow.workflows.expressions.condition import ConditionParts
from advanced_workflow.workflows.expressions.evaluator import Planner
from advanced_workflow.workflows.expressions.faults import Fault
from advanced_workflow.workflows.expressions.syntax import (
    Call,
    Fold,
    ListDisplay,
    Literal,
    Name,
    Node,
    Select,
    children,
    read_tree,
)
from advanced_workflow.workflows.expressions.type_names import with_types
from advanced_workflow.workflows.plain.decisions import ALWAYS, NEVER, Decisions

_EXISTS: Final = "exists"
_OPERATORS: Final = {
    "==": "_==_",
    "!=": "_!=_",
    ">": "_>_",
    ">=": "_>=_",
    "<": "_<_",
    "<=": "_<=_",
    "in": "@in",
    "not_in": "@in",
}
_LOGIC: Final = frozenset({"!_", "_&&_", "_||_", "_?_:_", "@exists"})
_OPTIONAL: Final = frozenset({"_?._", "_[?_]"})


@dataclass(frozen=True, slots=True)
class Part:
    """The `output` or `error` of a step, as an expression reads it; `deep` where it needs a field of it."""

    step_id: str
    name: str
    deep: bool


class Known(Protocol):
    """What is known of steps where the expression is evaluated."""

    @property
    def decisions(self) -> Decisions:
        """Where the decisions are kept."""
        ...

    def has(self, part: Part) -> int:
        """When the step has it."""
        ...

    def status(self, step_id: str, status: str) -> int | None:
        """When the step has this status; None where that cannot be said."""
        ...

    def question(self, node: Node) -> int:
        """The answer to a test of data: the same test gives the same decision."""
        ...


class Absence:
    """One expression where certain things are known."""

    def __init__(self, known: Known, blamed: frozenset[str] | None = None) -> None:
        """`blamed` are the steps whose absence counts; all of them when it is None."""
        self._known = known
        self._to = known.decisions
        self._blamed = blamed

    def fails(self, node: Node) -> int:
        """When evaluating it reads what is not there."""
        read = _read_of(node)
        if read is not None:
            part, guarded = read
            counts = part is not None and not guarded and (self._blamed is None or part.step_id in self._blamed)
            return self._to.negated(self._known.has(part)) if part is not None and counts else NEVER
        match node:
            case Call(function="@exists"):
                return NEVER
            case Call(function="_&&_", args=(left, right)):
                return self._fails_unless_decided(left, right, by_truth=False)
            case Call(function="_||_", args=(left, right)):
                return self._fails_unless_decided(left, right, by_truth=True)
            case Call(function="_?_:_", args=(test, yes, no)):
                branch = self._to.choose(self.holds(test), self.fails(yes), self.fails(no))
                return self._to.either(self.fails(test), branch)
            case Call(function="orValue" | "or", target=target, args=(other,)) if target is not None:
                missing = self._to.both(self._to.negated(self._is_there(target)), self.fails(other))
                return self._to.either(self.fails(target), missing)
            case Fold():
                # What is done for each element is done for none where there are none.
                some = self._known.question(Call(0, "@some", None, (node.over,)))
                inner = self._to.any_of(self.fails(one) for one in (node.condition, node.step))
                outer = self._to.any_of(self.fails(one) for one in (node.over, node.start, node.result))
                return self._to.either(outer, self._to.both(some, inner))
            case _:
                return self._to.any_of(self.fails(one) for one in children(node))

    def holds(self, node: Node) -> int:
        """When it is true, as far as it does not fail."""
        match node:
            case Literal(value=bool(value)):
                return ALWAYS if value else NEVER
            case Select(test=True):
                return self._is_there(node)
            case Call(function="hasValue", target=target) if target is not None:
                return self._is_there(target)
            case Call(function=function, target=None, args=args) if function in _LOGIC:
                return self._logic(function, args)
            case Call(args=(left, right)):
                return self._compares(node, left, right)
            case _:
                return self._known.question(node)

    def _logic(self, function: str, args: tuple[Node, ...]) -> int:
        if function == "@exists":
            return self._is_there(args[0])
        parts = [self.holds(one) for one in args]
        match function:
            case "!_":
                return self._to.negated(parts[0])
            case "_&&_":
                return self._to.all_of(parts)
            case "_||_":
                return self._to.any_of(parts)
            case _:
                return self._to.choose(*parts)

    def _compares(self, node: Call, left: Node, right: Node) -> int:
        """Both sides of a comparison may be written first, and it may be denied."""
        match node.function:
            case "_==_":
                known = self._status_is(left, right)
                known = self._status_is(right, left) if known is None else known
                return self._known.question(_equal(left, right)) if known is None else known
            case "_!=_":
                return self._to.negated(self._compares(Call(0, "_==_", None, (left, right)), left, right))
            case "_<_" | "_>_":
                return self._is_less(left, right) if node.function == "_<_" else self._is_less(right, left)
            case "_<=_" | "_>=_":
                less = self._is_less(right, left) if node.function == "_<=_" else self._is_less(left, right)
                return self._to.negated(less)
            case "@in" if isinstance(right, ListDisplay) and not right.optional:
                equal = (Call(0, "_==_", None, (left, one)) for one in right.elements)
                return self._to.any_of(self.holds(one) for one in equal)
            case _:
                return self._known.question(node)

    def _is_less(self, left: Node, right: Node) -> int:
        return self._known.question(Call(0, "_<_", None, (left, right)))

    def _status_is(self, one: Node, other: Node) -> int | None:
        reference = chain_of(one)
        if reference is None or reference.root != "steps" or reference.path[1:] != ("status",):
            return None
        text = other.value if isinstance(other, Literal) else None
        return self._known.status(reference.path[0], text) if isinstance(text, str) else None

    def _fails_unless_decided(self, left: Node, right: Node, *, by_truth: bool) -> int:
        """As CEL says, a failing side does not matter where the other one decides."""
        result = NEVER
        for one, other in ((left, right), (right, left)):
            fails = self.fails(one)
            if fails != NEVER:
                holds = self.holds(other)
                decides = holds if by_truth else self._to.negated(holds)
                # What fails decides nothing.
                decides = self._to.both(decides, self._to.negated(self.fails(other)))
                result = self._to.either(result, self._to.both(fails, self._to.negated(decides)))
        return result

    def _is_there(self, node: Node) -> int:
        """When an optional holds a value, or `has(...)` is true."""
        read = _read_of(node)
        part = read[0] if read is not None else None
        if part is None:
            return self._known.question(Call(0, "@there", None, (node,)))
        there = self._known.has(part)
        return self._to.both(there, self._known.question(Call(0, "@there", None, (node,)))) if part.deep else there


def tree_of(source: str) -> Node:
    """The syntax tree of an expression that compiles."""
    return with_types(read_tree(parse(source)))


def tree_of_condition(condition: ConditionParts) -> Node:
    """The syntax tree of a condition that compiles and is not the default one."""
    if condition.expression is not None:
        return tree_of(condition.expression)
    field, operator = tree_of(condition.field or ""), str(condition.operator)
    if operator == _EXISTS:
        test = Call(0, "@exists", None, (field,))
        return Call(0, "!_", None, (test,)) if condition.value is False else test
    test = Call(0, _OPERATORS.get(operator, operator), None, (field, _literal(condition.value)))
    return Call(0, "!_", None, (test,)) if operator == "not_in" else test


def key_of(node: Node) -> str:
    """A text that is the same for the same tree, wherever it is written."""
    match node:
        case Literal(value=value):
            return repr(value)
        case Name(name=name):
            return name
        case Select(operand=operand, field=field, test=test):
            return f"{'has ' if test else ''}{key_of(operand)}.{field}"
        case Call(function="_[_]", args=(operand, Literal(value=str(field)))):
            return f"{key_of(operand)}.{field}"
        case _:
            name = f"{function_name(node)}:{node.target is not None}" if isinstance(node, Call) else type(node).__name__
            return f"{name}({', '.join(key_of(one) for one in children(node))})"


def value_of(node: Node, scope: Mapping[str, Any]) -> object:
    """The value of a tree over data that is known, or None where it has none."""
    planner = Planner()
    try:
        return planner.plan(node)(Frame(scope, planner.slots))
    except (Fault, KeyError):
        return None


def paths_in(node: Node) -> Iterator[tuple[str, ...]]:
    """The data that a tree reads: root and fields."""
    reference = chain_of(node)
    if reference is not None:
        yield (reference.root, *reference.path)
        return
    for one in children(node):
        yield from paths_in(one)


def _read_of(node: Node) -> tuple[Part | None, bool] | None:
    """What a chain of fields reads of a step, and whether it is asked for so that its absence is no failure; None for other nodes."""
    whole = chain_of(node)
    if whole is None:
        return None
    if whole.root != "steps" or whole.path[1:2] not in (("output",), ("error",)):
        return None, False
    asked: list[bool] = []
    tested = isinstance(node, Select) and node.test
    here: Node = node
    while (access := access_of(here)) is not None:
        asked.append(isinstance(here, Call) and here.function in _OPTIONAL)
        here = access[0]
    asked.reverse()
    return Part(whole.path[0], whole.path[1], len(whole.path) > 2), tested or any(asked[:2])


def _equal(left: Node, right: Node) -> Node:
    return Call(0, "_==_", None, tuple(sorted((left, right), key=key_of)))


def _literal(value: Any) -> Node:  # noqa: ANN401 - any JSON value
    if isinstance(value, list):
        return ListDisplay(0, tuple(_literal(one) for one in cast("list[Any]", value)), frozenset())
    return Literal(0, value if value is None or isinstance(value, str | int | float) else repr(value))
