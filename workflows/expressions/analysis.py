"""What an expression refers to, and what is refused in it before it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

from advanced_workflow.workflows.expressions.budget import Frame
from advanced_workflow.workflows.expressions.faults import Fault, InvalidFault
from advanced_workflow.workflows.expressions.functions import FUNCTIONS, LAZY_FUNCTIONS, MACROS
from advanced_workflow.workflows.expressions.operators import OPERATORS
from advanced_workflow.workflows.expressions.syntax import Call, Fold, Literal, Name, Node, Select, children
from advanced_workflow.workflows.expressions.text_functions import matches
from advanced_workflow.workflows.expressions.times import TIME_PARTS

LAZY_OPERATORS: Final = frozenset({"_&&_", "_||_", "_?_:_", "@not_strictly_false", "_[_]", "_?._", "_[?_]"})
NAMESPACES: Final = frozenset({"math", "optional"})
_KNOWN: Final = frozenset(FUNCTIONS) | frozenset(OPERATORS) | LAZY_FUNCTIONS | LAZY_OPERATORS

_Locals: TypeAlias = frozenset[str]


@dataclass(frozen=True, slots=True)
class Reference:
    """A piece of data that an expression reads: the longest chain of fields that is written out.

    `steps.quote.output.total` has root `steps` and path `("quote", "output", "total")`; `column` is that of the root, from 1.
    """

    root: str
    path: tuple[str, ...]
    column: int


def function_name(call: Call) -> str:
    """Return the name with its namespace: `math.abs`, but `trim` for `input.name.trim()`."""
    if isinstance(call.target, Name) and call.target.name in NAMESPACES:
        return f"{call.target.name}.{call.function}"
    return call.function


def access_of(node: Node) -> tuple[Node, Node | str] | None:
    """Return operand and key of any form of access: `a.b`, `has(a.b)`, `a.?b`, `a[b]`, `a[?b]`."""
    match node:
        case Select(operand=operand, field=field):
            return operand, field
        case Call(function="_[_]" | "_?._" | "_[?_]", args=(operand, Literal(value=str(field)))):
            return operand, field
        case Call(function="_[_]" | "_?._" | "_[?_]", args=(operand, key)):
            return operand, key
        case _:
            return None


def chain_of(node: Node) -> Reference | None:
    """Return the reference that a node is as a whole, or None."""
    path: list[str] = []
    while (access := access_of(node)) is not None:
        node, key = access
        if not isinstance(key, str):
            return None
        path.append(key)
    return Reference(node.name, tuple(reversed(path)), node.column) if isinstance(node, Name) else None


def is_path(node: Node) -> bool:
    """Whether a tree is nothing but fields and literal indexes, so that its value is the data itself."""
    match node:
        case Name():
            return True
        case Select(operand=operand, test=False):
            return is_path(operand)
        case Call(function="_[_]", args=(operand, Literal())):
            return is_path(operand)
        case _:
            return False


_MAY_BE_HIDDEN = frozenset({"step"})
"""A name that came after definitions in which a variable is called so."""


def find_references(node: Node, roots: frozenset[str]) -> Iterator[Reference]:
    """Yield the references of a tree; raise `InvalidFault` at the first thing that is refused."""
    return _walk(node, roots, frozenset())


def _walk(node: Node, roots: frozenset[str], variables: _Locals) -> Iterator[Reference]:
    reference = chain_of(node)
    if reference is not None and reference.root not in variables:
        _check_reference(reference, roots)
        yield reference
        return
    if isinstance(node, Call):
        _check_call(node)
        if function_name(node) != node.function:
            for arg in node.args:
                yield from _walk(arg, roots, variables)
            return
    if isinstance(node, Fold):
        yield from _walk_fold(node, roots, variables)
        return
    for child in children(node):
        yield from _walk(child, roots, variables)


def _walk_fold(fold: Fold, roots: frozenset[str], variables: _Locals) -> Iterator[Reference]:
    for name in (fold.variable, fold.accumulator):
        if (name in roots - _MAY_BE_HIDDEN) or name in NAMESPACES:
            raise InvalidFault(f"the variable '{name}' hides what has the same name; take another one", fold.column)
    yield from _walk(fold.over, roots, variables)
    yield from _walk(fold.start, roots, variables)
    inner = variables | {fold.accumulator}
    yield from _walk(fold.result, roots, inner)
    for part in (fold.condition, fold.step):
        yield from _walk(part, roots, inner | {fold.variable})


def _check_reference(reference: Reference, roots: frozenset[str]) -> None:
    if reference.root not in roots:
        names = ", ".join(sorted(roots)) or "no names"
        raise InvalidFault(f"unknown name '{reference.root}'; here an expression may use {names}", reference.column)
    if reference.root == "steps" and not reference.path:
        raise InvalidFault("a step must be named in the expression: write steps.ID or steps['ID']", reference.column)


def _check_call(call: Call) -> None:
    name = function_name(call)
    if name in MACROS:
        raise InvalidFault(f"'{name}' needs {MACROS[name]}", call.column)
    if name not in _KNOWN:
        public = sorted([*FUNCTIONS.keys() - {"math.@max", "math.@min"}, *LAZY_FUNCTIONS, *MACROS])
        raise InvalidFault(f"unknown function '{name}'; there are {', '.join(public)}", call.column)
    if name in TIME_PARTS and call.args:
        raise InvalidFault(
            f"{name}() takes no time zone, since its rules differ between machines; times are UTC", call.column
        )
    if name == "matches":
        _check_pattern(call)


def _check_pattern(call: Call) -> None:
    pattern = call.args[-1] if call.args else None
    if isinstance(pattern, Literal) and isinstance(pattern.value, str):
        check_pattern(pattern.value, pattern.column)


def check_pattern(pattern: str, column: int = 0) -> None:
    """Raise `InvalidFault` when text is not a regular expression of RE2."""
    try:
        matches(Frame({}, 0), "", pattern)
    except Fault as fault:
        raise InvalidFault(fault.reason, column) from None
