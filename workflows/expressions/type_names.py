"""`type(value)`, and the names of types that it is compared with."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, cast

from advanced_workflow.workflows.expressions.budget import Frame
from advanced_workflow.workflows.expressions.syntax import Call, Entry, Fold, Literal, Name, Node, Select, children
from advanced_workflow.workflows.expressions.values import Optional, TypeName, Value, is_list, is_map, kind_of

_OF: Final[dict[type, str]] = {
    type(None): "null_type",
    bool: "bool",
    int: "int",
    float: "double",
    str: "string",
    datetime: "timestamp",
    timedelta: "duration",
    Optional: "optional_type",
    TypeName: "type",
}
NAMES: Final = frozenset({*_OF.values(), "list", "map", "uint", "bytes"})
"""Those that may be written; no data has the last two."""
_LONG: Final = {"Timestamp": "timestamp", "Duration": "duration"}
_FUNCTION: Final = "type"


def type_of(_: Frame, value: Value) -> TypeName:
    """Return the type of a value; a number of the data is an `int` where it is written without a point or exponent."""
    name = _OF.get(value.__class__) or ("list" if is_list(value) else "map" if is_map(value) else kind_of(value))
    return TypeName(name)


def with_types(tree: Node) -> Node:
    """The tree with types in place of their names, where it asks for a type and no variable is called so."""
    return _named(tree, frozenset()) if _asks(tree) else tree


def _asks(node: Node) -> bool:
    return (isinstance(node, Call) and node.function == _FUNCTION) or any(map(_asks, children(node)))


def _named(node: Node, variables: frozenset[str]) -> Node:
    match node:
        case Name(column=column, name=name) if name in NAMES and name not in variables:
            return Literal(column, TypeName(name))
        case Select(column=column, operand=Select(operand=Name(name="google"), field="protobuf"), field=field) if (
            field in _LONG
        ):
            return Literal(column, TypeName(_LONG[field]))
        case Fold():
            inner = variables | {node.variable, node.accumulator}
            return replace(
                node,
                over=_named(node.over, variables),
                start=_named(node.start, variables),
                condition=_named(node.condition, inner),
                step=_named(node.step, inner),
                result=_named(node.result, inner),
            )
        case _:
            return cast("Node", _rebuilt(node, variables))


def _rebuilt(part: Any, variables: frozenset[str]) -> Any:  # noqa: ANN401 - a node, an entry, or several
    """The same with all nodes below named."""
    changed: dict[str, Any] = {}
    for one in fields(part):
        value: Any = getattr(part, one.name)
        if isinstance(value, tuple):
            changed[one.name] = tuple(_one(inner, variables) for inner in cast("tuple[Any, ...]", value))
        elif is_dataclass(value) and not isinstance(value, TypeName):
            changed[one.name] = _one(value, variables)
    return replace(part, **changed) if changed else part


def _one(part: Any, variables: frozenset[str]) -> Any:  # noqa: ANN401 - a node or an entry
    return _rebuilt(part, variables) if isinstance(part, Entry) else _named(part, variables)
