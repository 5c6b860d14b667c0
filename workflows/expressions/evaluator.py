"""From a syntax tree to a function of the data: each node becomes one closure, once, and the closures run many times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from advanced_workflow.workflows.expressions.access import field_of
from advanced_workflow.workflows.expressions.analysis import function_name
from advanced_workflow.workflows.expressions.budget import ELEMENT_WORK, Frame
from advanced_workflow.workflows.expressions.faults import Fault
from advanced_workflow.workflows.expressions.operators import OPERATORS
from advanced_workflow.workflows.expressions.steps import (
    Step,
    at_column,
    is_present,
    path_text,
    plan_access,
    plan_alternative,
    plan_append,
    plan_branch,
    plan_function,
    plan_has,
    plan_logic,
    plan_not_false,
    plan_operator,
    read_root,
    read_variable,
    unwrap,
    value_or_fault,
)
from advanced_workflow.workflows.expressions.syntax import (
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
from advanced_workflow.workflows.expressions.values import Value, is_list, is_map, kind_of, sorted_keys

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
                return read_variable(slots[node.name]) if node.name in slots else read_root(node)
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
            return at_column(plan_has(operand, field, path), node.column)

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
                return plan_logic(args[0], args[1], name.strip("_"), decisive=name == "_||_")
            case "_?_:_":
                return plan_branch(*args)
            case "@not_strictly_false":
                return plan_not_false(args[0])
            case "_[_]" | "_?._" | "_[?_]":
                return plan_access(name, args[0], args[1], path_text(node.args[0]))
            case "orValue" | "or":
                return plan_alternative(name, args[0], args[1])
            case "_+_" if _appends(node):
                return plan_append(args[0], args[1])
            case _:
                return plan_operator(name, args) if name in OPERATORS else plan_function(name, args)

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
                unwrap(value) if index in optional else value
                for index, value in enumerate(values)
                if index not in optional or is_present(value)
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
                elif is_present(content):
                    made[name] = unwrap(content)
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
                frame.slots[accumulator] = value_or_fault(step, frame)
            return result(frame)

        return fold


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


def _appends(node: Call) -> bool:
    match node.args:
        case (Name(name=name), ListDisplay()):
            return name == ACCUMULATOR
        case _:
            return False
