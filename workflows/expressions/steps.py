"""The functions that nodes become: each takes the frame and gives the node's value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from advanced_workflow.workflows.expressions.access import element_of, field_of, try_access
from advanced_workflow.workflows.expressions.budget import Frame
from advanced_workflow.workflows.expressions.faults import BudgetFault, Fault, MissingFault
from advanced_workflow.workflows.expressions.functions import FUNCTIONS
from advanced_workflow.workflows.expressions.operators import OPERATORS, truth
from advanced_workflow.workflows.expressions.syntax import Call, Literal, Name, Node, Select
from advanced_workflow.workflows.expressions.values import Optional, Value, kind_of

Step: TypeAlias = Callable[[Frame], Value]


def at_column(step: Step, column: int) -> Step:
    """Let the faults of a step know where they happened."""

    def located(frame: Frame) -> Value:
        try:
            return step(frame)
        except Fault as fault:
            fault.column = fault.column or column
            raise

    return located


def path_text(node: Node) -> str:
    """Return how messages call a value: its path, where it has one."""
    match node:
        case Name(name=name):
            return name
        case Select(operand=operand, field=field):
            return f"{path_text(operand)}.{field}"
        case Call(function="_?._", args=(operand, Literal(value=str(field)))):
            return f"{path_text(operand)}.{field}"
        case Call(function="_[_]" | "_[?_]", args=(operand, Literal(value=key))):
            return f"{path_text(operand)}[{key!r}]"
        case Call(function="_[_]" | "_[?_]", args=(operand, _)):
            return f"{path_text(operand)}[...]"
        case _:
            return "the value"


def read_root(node: Name) -> Step:
    """Read a root of the scope."""
    name, column = node.name, node.column

    def read(frame: Frame) -> Value:
        if name in frame.scope:
            return frame.scope[name]
        raise MissingFault(f"'{name}' has no value here", column)

    return read


def read_variable(slot: int) -> Step:
    """Read a variable of a comprehension; a failed accumulator fails here."""

    def read(frame: Frame) -> Value:
        value = frame.slots[slot]
        if isinstance(value, Fault):
            raise value
        return value

    return read


def value_or_fault(step: Step, frame: Frame) -> Value:
    """Return the value, or the fault; a used-up budget still raises."""
    try:
        return step(frame)
    except BudgetFault:
        raise
    except Fault as fault:
        return fault


def plan_has(operand: Step, field: str, path: str) -> Step:
    """`has(operand.field)`."""

    def has(frame: Frame) -> bool:
        try:
            value = field_of(operand(frame), field, path)
        except MissingFault:
            return False
        return value.present if isinstance(value, Optional) else True

    return has


def plan_logic(left: Step, right: Step, symbol: str, *, decisive: bool) -> Step:
    """`&&`, which false decides, or `||`, which true decides."""

    def is_decided(frame: Frame, side: Step) -> bool:
        return truth(side(frame), symbol) is decisive

    def decide(frame: Frame) -> bool:
        # As CEL says, a failing side does not matter when the other one decides.
        fault = value_or_fault(lambda inner: is_decided(inner, left), frame)
        if fault is True:
            return decisive
        other = value_or_fault(lambda inner: is_decided(inner, right), frame)
        if other is True:
            return decisive
        if isinstance(fault, Fault):
            raise fault
        if isinstance(other, Fault):
            raise other
        return not decisive

    return decide


def plan_branch(condition: Step, yes: Step, no: Step) -> Step:
    """`condition ? yes : no`."""
    return lambda frame: yes(frame) if truth(condition(frame), "?") else no(frame)


def plan_not_false(operand: Step) -> Step:
    """What `all` and `exists` ask before each round."""
    return lambda frame: value_or_fault(operand, frame) is not False


def plan_access(operator: str, operand: Step, key: Step, path: str) -> Step:
    """`a[b]`, `a.?b` or `a[?b]`."""
    access = element_of if operator == "_[_]" else try_access
    return lambda frame: access(operand(frame), key(frame), path)


def plan_alternative(name: str, operand: Step, other: Step) -> Step:
    """`optional.orValue(other)` or `optional.or(other)`."""

    def choose(frame: Frame) -> Value:
        value = operand(frame)
        if not is_present(value, name):
            return other(frame)
        return value if name == "or" else value.value

    return choose


def plan_operator(name: str, args: Sequence[Step]) -> Step:
    """An operator that evaluates all its operands."""
    operator = OPERATORS[name]
    if len(args) == 1:
        (only,) = args
        return lambda frame: operator(frame, only(frame))
    left, right = args
    return lambda frame: operator(frame, left(frame), right(frame))


def plan_function(name: str, args: Sequence[Step]) -> Step:
    """A function of the table."""
    function = FUNCTIONS[name]
    return lambda frame: function.call(name, frame, [arg(frame) for arg in args])


def plan_append(accumulator: Step, elements: Step) -> Step:
    """`accumulator + [element]` of a comprehension."""

    def append(frame: Frame) -> list[Value]:
        # The list was made by this very comprehension and nothing else sees it yet: no copy for each element.
        made: list[Value] = accumulator(frame)
        made += elements(frame)
        return made

    return append


def is_present(value: Value, place: str = "?") -> bool:
    """Whether an optional holds a value."""
    if isinstance(value, Optional):
        return value.present
    raise Fault(f"'{place}' needs an optional, such as input.?field, not {kind_of(value)}")


def unwrap(value: Optional) -> Value:
    """Return what an optional holds."""
    return value.value
