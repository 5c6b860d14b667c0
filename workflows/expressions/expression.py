"""An expression: compiled once from its text, evaluated over data many times."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from advanced_workflow.workflows.errors import ExpressionInvalid
from advanced_workflow.workflows.expressions.analysis import Reference, find_references, is_path
from advanced_workflow.workflows.expressions.budget import MAX_OPTIONAL_MACROS, MAX_SOURCE_LENGTH, Frame
from advanced_workflow.workflows.expressions.cel_language import check, parse
from advanced_workflow.workflows.expressions.evaluator import Planner
from advanced_workflow.workflows.expressions.faults import Fault, InvalidFault, MissingFault
from advanced_workflow.workflows.expressions.mistakes.explain import Meaning, explain
from advanced_workflow.workflows.expressions.mistakes.mistake import NOTHING_KNOWN, Known
from advanced_workflow.workflows.expressions.syntax import Node, count_nodes, read_tree
from advanced_workflow.workflows.expressions.type_names import with_types
from advanced_workflow.workflows.expressions.values import to_json
from advanced_workflow.workflows.plain.cache import WeighedCache

_NOT_JSON: Final = {
    "bytes": "bytes, which are not JSON; use a string",
    "uint": "an unsigned number, which is not JSON",
    "type": "a type, which is not JSON",
    "optional_type": "an optional, which is not JSON; end with .orValue(...)",
}
_SHOWN: Final = 200
"""Characters of an over-long expression that its error shows."""


_BYTES: Final = 2_000
"""Memory of the shortest expression, from above."""
_BYTES_OF_CHARACTER: Final = 100


class Expression:
    """A compiled expression. It holds no data and may be shared.

    `references` is what it reads; `result_type` is what CEL's type checker knows of its result: `bool`, `number`, `string`,
    `null`, `list<...>`, `map<...>`, or `dyn` when that depends on the data.
    """

    __slots__ = ("_is_path", "_size", "_slots", "_step", "references", "result_type", "source")

    def __init__(self, source: str, tree: Node, references: frozenset[Reference], result_type: str) -> None:
        """Plan the evaluation; `compile_expression` is what makes expressions."""
        planner = Planner()
        self.source = source
        self.references = references
        self.result_type = result_type
        self._step = planner.plan(tree)
        self._slots = planner.slots
        self._is_path = is_path(tree)
        self._size = count_nodes(tree)

    def evaluate(self, scope: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value as JSON; nothing of the scope is touched but what the expression refers to.

        A path alone, such as `input.order.items`, gives the data itself, not a copy; any other result is new, with the keys of
        its maps sorted, timestamps as RFC 3339 text and durations as seconds.

        Raises:
            ExpressionError: A field is missing, or a value does not fit.
            ExpressionBudgetExceeded: The evaluation needs too many iterations or too much memory.
        """
        frame = Frame(scope, self._slots)
        try:
            frame.charge_time(self._size)
            value = self._step(frame)
            # A Mapping that is not a dict makes its entries on demand: those are made now.
            if self._is_path and isinstance(value, dict | list):
                return value  # pyright: ignore[reportUnknownVariableType]
            return to_json(frame, value)
        except Fault as fault:
            raise fault.public(self.source) from None
        finally:
            frame.close()

    def has_value(self, scope: Mapping[str, Any]) -> bool:
        """Whether what a path names is there and not null; raise as `evaluate` does for anything else that is wrong."""
        frame = Frame(scope, self._slots)
        try:
            return self._step(frame) is not None
        except MissingFault:
            return False
        except Fault as fault:
            raise fault.public(self.source) from None
        finally:
            frame.close()

    def __repr__(self) -> str:
        """Show the text."""
        return f"Expression({self.source!r})"


_compiled: Final = WeighedCache[tuple[str, frozenset[str]], Expression](48 * 1024 * 1024)


def compile_expression(source: str, roots: Collection[str]) -> Expression:
    """Compile an expression that may use these names; the same text and names give the same object.

    Raises:
        ExpressionInvalid: It is too long, not CEL, names something unknown, or cannot be deterministic, bounded and JSON.
    """
    key = (source, frozenset(roots))
    return _compiled.get(key) or _compiled.keep(key, _compile(*key), _BYTES + _BYTES_OF_CHARACTER * len(source))


def _compile(source: str, roots: frozenset[str]) -> Expression:
    try:
        _check_source(source)
        tree = with_types(read_tree(parse(source)))
        references = frozenset(find_references(tree, roots))
        result_type = check(source, roots)
        _check_result(result_type)
        return Expression(source, tree, references, result_type)
    except InvalidFault as fault:
        shown = source if len(source) <= MAX_SOURCE_LENGTH else f"{source[:_SHOWN]}..."
        raise ExpressionInvalid(fault.reason, source=shown, column=fault.column) from None


def explained(
    error: ExpressionInvalid,
    roots: Collection[str],
    known: Known = NOTHING_KNOWN,
    *,
    may_be_text: bool = True,
    fix: str = "",
) -> ExpressionInvalid:
    """The same refusal in the words of whoever wrote the expression, with the right form, where that can be told.

    `fix` is the advice where no form can be given; without it there is one in general. A place that takes no text (not `may_be_text`) is
    not advised to have some.
    """
    names = frozenset(roots)
    meaning = Meaning(names, known, lambda form: _fault(form, names), may_be_text=may_be_text)
    mistake = explain(error.source, (error.reason, error.column), meaning)
    if mistake is None:
        return error
    advice = mistake.advice if mistake.form is not None or not fix else fix
    return ExpressionInvalid(mistake.reason, source=error.source, column=mistake.column, fix=advice)


def _fault(source: str, roots: frozenset[str]) -> tuple[str, int] | None:
    try:
        _compile(source, roots)
    except ExpressionInvalid as error:
        return error.reason, error.column
    return None


def _check_source(source: str) -> None:
    if len(source) > MAX_SOURCE_LENGTH:
        raise InvalidFault(
            f"has {len(source)} characters, {MAX_SOURCE_LENGTH} are allowed; split it over several mappings"
        )
    if not source.strip():
        raise InvalidFault("is empty; write a path such as input.total")
    if source.count("optMap") + source.count("optFlatMap") > MAX_OPTIONAL_MACROS:
        raise InvalidFault(f"uses optMap more than {MAX_OPTIONAL_MACROS} times; split it over several mappings")


def _check_result(result_type: str) -> None:
    reason = _NOT_JSON.get(result_type.partition("<")[0])
    if reason is not None:
        raise InvalidFault(f"gives {reason}")
