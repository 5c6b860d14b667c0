"""From a syntax tree to a function of the data: each node becomes one closure, once, and the closures run many times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from workflows.expressions.access import element_of, field_of, try_access
from workflows.expressions.analysis import function_name
from workflows.expressions.budget import ELEMENT_WORK, Frame
from workflows.expressions.faults import BudgetFault, Fault, MissingFault
from workflows.expressions.functions import FUNCTIONS
from workflows.expressions.operators import OPERATORS, truth
from workflows.expressions.syntax import (
    ACCUMULATOR,
    Call,
    Fold,
    ListDisplay,
    Literal,
    MapDisplay,
    Name,
    Node,
    Select,
    count_nodes,
)
from workflows.expressions.values import Optional, Value, is_list, is_map, kind_of, sorted_keys

Step: TypeAlias = Callable[[Frame], Value]
_Slots: TypeAlias = Mapping[str, int]

_NO_SLOTS: Final[_Slots] = {}


class Planner:
    """Plans one expression; `slots` is the number of variables its frame must hold."""

    def __init__(self) -> None:
        """Start without variables."""
        self.slots = 0

    def plan(self, node: Node, slots: _Slots = _NO_SLOTS) -> Step:
        """Return the function that evaluates a node; `slots` says where the variables around it are kept."""
        match node:
            case Literal(value=value):
                return lambda _: value
            case Name():
                return _read_variable(slots[node.name]) if node.name in slots else _read_root(node)
            case Select():
                return self._plan_select(node, slots)
            case Call():
                return at_column(self._plan_call(node, slots), node.column)
            case ListDisplay():
                return self._plan_list(node, slots)
            case MapDisplay():
                return at_column(self._plan_map(node, slots), node.column)
            case Fold():
                return at_column(self._plan_fold(node, slots), node.column)

    def _plan_select(self, node: Select, slots: _Slots) -> Step:
        operand, field, path = self.plan(node.operand, slots), node.field, path_text(node.operand)
        if node.test:
            return at_column(_plan_has(operand, field, path), node.column)

        def select(frame: Frame) -> Value:
            value = operand(frame)
            if type(value) is dict and field in value:
                return value[field]  # pyright: ignore[reportUnknownVariableType]
            return field_of(value, field, path)

        return at_column(select, node.column)

    def _plan_call(self, node: Call, slots: _Slots) -> Step:
        args = [self.plan(arg, slots) for arg in node.args]
        name = function_name(node)
        if node.target is not None and name == node.function:
            args.insert(0, self.plan(node.target, slots))
        match name:
            case "_&&_" | "_||_":
                return _plan_logic(args[0], args[1], name.strip("_"), decisive=name == "_||_")
            case "_?_:_":
                return _plan_branch(*args)
            case "@not_strictly_false":
                return _plan_not_false(args[0])
            case "_[_]" | "_?._" | "_[?_]":
                return _plan_access(name, args[0], args[1], path_text(node.args[0]))
            case "orValue" | "or":
                return _plan_alternative(name, args[0], args[1])
            case "_+_" if _appends(node):
                return _plan_append(args[0], args[1])
            case _:
                return _plan_operator(name, args) if name in OPERATORS else _plan_function(name, args)

    def _plan_list(self, node: ListDisplay, slots: _Slots) -> Step:
        elements = [self.plan(element, slots) for element in node.elements]
        optional = node.optional
        work = ELEMENT_WORK * len(elements)

        def display(frame: Frame) -> list[Value]:
            frame.charge(work)
            values = [element(frame) for element in elements]
            if not optional:
                return values
            return [
                _unwrap(value) if index in optional else value
                for index, value in enumerate(values)
                if index not in optional or _is_present(value)
            ]

        return at_column(display, node.column)

    def _plan_map(self, node: MapDisplay, slots: _Slots) -> Step:
        entries = [
            (self.plan(entry.key, slots), self.plan(entry.value, slots), entry.optional) for entry in node.entries
        ]
        work = ELEMENT_WORK * len(entries)

        def display(frame: Frame) -> dict[str, Value]:
            frame.charge(work)
            made: dict[str, Value] = {}
            for key, value, optional in entries:
                name, content = _map_key(key(frame), made), value(frame)
                if not optional:
                    made[name] = content
                elif _is_present(content):
                    made[name] = _unwrap(content)
            return made

        return display

    def _plan_fold(self, node: Fold, slots: _Slots) -> Step:
        over, start = self.plan(node.over, slots), self.plan(node.start, slots)
        variable, accumulator = self.slots, self.slots + 1
        self.slots += 2
        outer = {**slots, node.accumulator: accumulator}
        inner = {**outer, node.variable: variable}
        step, result = self.plan(node.step, inner), self.plan(node.result, outer)
        condition = (
            None if node.condition == Literal(node.condition.column, value=True) else self.plan(node.condition, inner)
        )
        work = ELEMENT_WORK * (count_nodes(node.step) + count_nodes(node.condition))

        def fold(frame: Frame) -> Value:
            items = _items(frame, over(frame))
            frame.slots[accumulator] = start(frame)
            for item in items:
                frame.start_round(work)
                frame.slots[variable] = item
                if condition is None:
                    frame.slots[accumulator] = step(frame)
                    continue
                if not condition(frame):
                    break
                # A failed element is kept as the accumulator: `exists` may still find one that decides.
                frame.slots[accumulator] = _value_or_fault(step, frame)
            return result(frame)

        return fold


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


def _read_root(node: Name) -> Step:
    name, column = node.name, node.column

    def read(frame: Frame) -> Value:
        if name in frame.scope:
            return frame.scope[name]
        raise MissingFault(f"'{name}' has no value here", column)

    return read


def _read_variable(slot: int) -> Step:
    def read(frame: Frame) -> Value:
        value = frame.slots[slot]
        if isinstance(value, Fault):
            raise value
        return value

    return read


def _value_or_fault(step: Step, frame: Frame) -> Value:
    try:
        return step(frame)
    except BudgetFault:
        raise
    except Fault as fault:
        return fault


def _plan_has(operand: Step, field: str, path: str) -> Step:
    def has(frame: Frame) -> bool:
        try:
            value = field_of(operand(frame), field, path)
        except MissingFault:
            return False
        return value.present if isinstance(value, Optional) else True

    return has


def _plan_logic(left: Step, right: Step, symbol: str, *, decisive: bool) -> Step:
    def is_decided(frame: Frame, side: Step) -> bool:
        return truth(side(frame), symbol) is decisive

    def decide(frame: Frame) -> bool:
        # As CEL says, a failing side does not matter when the other one decides.
        fault = _value_or_fault(lambda inner: is_decided(inner, left), frame)
        if fault is True:
            return decisive
        other = _value_or_fault(lambda inner: is_decided(inner, right), frame)
        if other is True:
            return decisive
        if isinstance(fault, Fault):
            raise fault
        if isinstance(other, Fault):
            raise other
        return not decisive

    return decide


def _plan_branch(condition: Step, yes: Step, no: Step) -> Step:
    return lambda frame: yes(frame) if truth(condition(frame), "?") else no(frame)


def _plan_not_false(operand: Step) -> Step:
    return lambda frame: _value_or_fault(operand, frame) is not False


def _plan_access(operator: str, operand: Step, key: Step, path: str) -> Step:
    access = element_of if operator == "_[_]" else try_access
    return lambda frame: access(operand(frame), key(frame), path)


def _plan_alternative(name: str, operand: Step, other: Step) -> Step:
    def choose(frame: Frame) -> Value:
        value = operand(frame)
        if not _is_present(value, name):
            return other(frame)
        return value if name == "or" else value.value

    return choose


def _plan_operator(name: str, args: Sequence[Step]) -> Step:
    operator = OPERATORS[name]
    if len(args) == 1:
        (only,) = args
        return lambda frame: operator(frame, only(frame))
    left, right = args
    return lambda frame: operator(frame, left(frame), right(frame))


def _plan_function(name: str, args: Sequence[Step]) -> Step:
    function = FUNCTIONS[name]
    return lambda frame: function.call(name, frame, [arg(frame) for arg in args])


def _appends(node: Call) -> bool:
    match node.args:
        case (Name(name=name), ListDisplay()):
            return name == ACCUMULATOR
        case _:
            return False


def _plan_append(accumulator: Step, elements: Step) -> Step:
    def append(frame: Frame) -> list[Value]:
        # The list was made by this very comprehension and nothing else sees it yet: no copy for each element.
        made: list[Value] = accumulator(frame)
        made += elements(frame)
        return made

    return append


def _items(frame: Frame, value: Value) -> Sequence[Value]:
    if is_list(value):
        return value
    if not is_map(value):
        raise Fault(f"a list or a map is needed before the dot, not {kind_of(value)}")
    frame.charge(ELEMENT_WORK * len(value))
    return sorted_keys(value)


def _map_key(key: Value, made: Mapping[str, Value]) -> str:
    if not isinstance(key, str):
        raise Fault(f"a key of a map must be a string, not {kind_of(key)}")
    if key in made:
        raise Fault(f"the key '{key}' stands twice in a map")
    return key


def _is_present(value: Value, place: str = "?") -> bool:
    if isinstance(value, Optional):
        return value.present
    raise Fault(f"'{place}' needs an optional, such as input.?field, not {kind_of(value)}")


def _unwrap(value: Optional) -> Value:
    return value.value
