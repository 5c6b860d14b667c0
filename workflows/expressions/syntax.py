"""The syntax tree of an expression, read from CEL's serialised form (`cel.expr.ParsedExpr`)."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from advanced_workflow.workflows.expressions.faults import InvalidFault
from advanced_workflow.workflows.expressions.values import TypeName

ACCUMULATOR: Final = "@result"
"""CEL's name for the variable that a comprehension builds; it cannot be written in an expression."""


@dataclass(frozen=True, slots=True)
class Literal:
    """null, a bool, an int, a double, a string or a type."""

    column: int
    value: str | float | TypeName | None


@dataclass(frozen=True, slots=True)
class Name:
    """A root, a variable of a comprehension, or the namespace of a function."""

    column: int
    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """`operand.field`, or `has(operand.field)` when `test`."""

    column: int
    operand: Node
    field: str
    test: bool


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or a function; `target` is what stands before the dot."""

    column: int
    function: str
    target: Node | None
    args: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class ListDisplay:
    """`[a, ?b]`; `optional` holds the indexes of the elements with a `?`."""

    column: int
    elements: tuple[Node, ...]
    optional: frozenset[int]


@dataclass(frozen=True, slots=True)
class Entry:
    """`key: value` of a map, or `?key: value`."""

    key: Node
    value: Node
    optional: bool


@dataclass(frozen=True, slots=True)
class MapDisplay:
    """`{key: value}`."""

    column: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Fold:
    """What `map`, `filter`, `all`, `exists`, `exists_one` and `optMap` expand to."""

    column: int
    variable: str
    over: Node
    accumulator: str
    start: Node
    condition: Node
    step: Node
    result: Node


Node: TypeAlias = Literal | Name | Select | Call | ListDisplay | MapDisplay | Fold

_Fields: TypeAlias = dict[int, list[int | bytes]]


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly below."""
    match node:
        case Literal() | Name():
            return ()
        case Select(operand=operand):
            return (operand,)
        case Call(target=target, args=args):
            return args if target is None else (target, *args)
        case ListDisplay(elements=elements):
            return elements
        case MapDisplay(entries=entries):
            return tuple(part for entry in entries for part in (entry.key, entry.value))
        case Fold():
            return (node.over, node.start, node.condition, node.step, node.result)


def count_nodes(node: Node) -> int:
    """Return the size of the tree."""
    return 1 + sum(count_nodes(child) for child in children(node))


def read_tree(serialised: bytes) -> Node:
    """Decode CEL's answer; raise `InvalidFault` for bytes, unsigned numbers and messages, which JSON has not."""
    parsed = _fields(_bytes(_fields(serialised), 2))
    positions: dict[int, int] = {}
    for pair in _fields(_bytes(parsed, 3)).get(4, []):
        if isinstance(pair, bytes):
            entry = _fields(pair)
            positions[_int(entry, 1)] = _int(entry, 2)
    return _node(_bytes(parsed, 2), positions)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> _Fields:
    """Decode one message of the protobuf wire format: field number -> its values."""
    fields: _Fields = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        value: int | bytes
        if tag & 7 == 0:
            value, at = _varint(data, at)
        else:
            length, at = (8, at) if tag & 7 == 1 else _varint(data, at)
            value = data[at : at + length]
            at += length
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def _bytes(fields: _Fields, number: int) -> bytes:
    value = fields.get(number, [b""])[-1]
    return value if isinstance(value, bytes) else b""


def _text(fields: _Fields, number: int) -> str:
    return _bytes(fields, number).decode()


def _int(fields: _Fields, number: int) -> int:
    value = fields.get(number, [0])[-1]
    return value if isinstance(value, int) else 0


def _literal(data: bytes, column: int) -> Literal:
    fields = _fields(data)
    ((number, (raw, *_)),) = fields.items()
    match number, raw:
        case 1, _:
            return Literal(column, None)
        case 2, int():
            return Literal(column, bool(raw))
        case 3, int():
            return Literal(column, raw - (1 << 64) if raw >= 1 << 63 else raw)
        case 5, bytes():
            value: float = struct.unpack("<d", raw)[0]
            if value in (float("inf"), float("-inf")):
                raise InvalidFault("the number is too large", column)
            return Literal(column, value)
        case 6, bytes():
            return Literal(column, raw.decode())
        case 4, _:
            raise InvalidFault("unsigned numbers are not JSON; leave out the 'u'", column)
        case _:
            raise InvalidFault("bytes are not JSON; use a string", column)


def _node(data: bytes, positions: Mapping[int, int]) -> Node:
    fields = _fields(data)
    column = positions.get(_int(fields, 2), -1) + 1
    kind = next((number for number in range(3, 10) if number in fields), 0)
    body = _bytes(fields, kind)
    match kind:
        case 3:
            return _literal(body, column)
        case 4:
            return Name(column, _text(_fields(body), 1).removeprefix("."))
        case 5:
            return _select(body, column, positions)
        case 6:
            return _call(body, column, positions)
        case 7:
            return _list(body, column, positions)
        case 8:
            return _map(body, column, positions)
        case _:
            return _fold(body, column, positions)


def _nodes(fields: _Fields, number: int, positions: Mapping[int, int]) -> tuple[Node, ...]:
    return tuple(_node(raw, positions) for raw in fields.get(number, []) if isinstance(raw, bytes))


def _select(data: bytes, column: int, positions: Mapping[int, int]) -> Select:
    fields = _fields(data)
    # CEL gives the position of the dot, people look for the field.
    test = bool(_int(fields, 3))
    return Select(column if test else column + 1, _node(_bytes(fields, 1), positions), _text(fields, 2), test)


def _call(data: bytes, column: int, positions: Mapping[int, int]) -> Call:
    fields = _fields(data)
    target = _node(_bytes(fields, 1), positions) if 1 in fields else None
    return Call(column, _text(fields, 2), target, _nodes(fields, 3, positions))


def _list(data: bytes, column: int, positions: Mapping[int, int]) -> ListDisplay:
    fields = _fields(data)
    packed = _bytes(fields, 2)
    optional: set[int] = set()
    at = 0
    while at < len(packed):
        index, at = _varint(packed, at)
        optional.add(index)
    return ListDisplay(column, _nodes(fields, 1, positions), frozenset(optional))


def _map(data: bytes, column: int, positions: Mapping[int, int]) -> MapDisplay:
    fields = _fields(data)
    if 1 in fields:
        raise InvalidFault(f"'{_text(fields, 1)}' is a message type; write a map {{'field': value}}", column)
    entries: list[Entry] = []
    for raw in fields.get(2, []):
        if isinstance(raw, bytes):
            parts = _fields(raw)
            key, value = _node(_bytes(parts, 3), positions), _node(_bytes(parts, 4), positions)
            entries.append(Entry(key, value, bool(_int(parts, 5))))
    return MapDisplay(column, tuple(entries))


def _fold(data: bytes, column: int, positions: Mapping[int, int]) -> Fold:
    fields = _fields(data)
    over, start, condition, step, result = (_node(_bytes(fields, number), positions) for number in (2, 4, 5, 6, 7))
    return Fold(column, _text(fields, 1), over, _text(fields, 3), start, condition, step, result)
