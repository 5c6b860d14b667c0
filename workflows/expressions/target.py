"""Where results are written: the right side of an `output_mapping`."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Final

from advanced_workflow.workflows.errors import ExpressionError, ExpressionInvalid
from advanced_workflow.workflows.expressions.analysis import Reference
from advanced_workflow.workflows.expressions.budget import Account
from advanced_workflow.workflows.expressions.expression import Expression, compile_expression
from advanced_workflow.workflows.expressions.template import located
from advanced_workflow.workflows.expressions.values import Value, kind_of

_TARGET: Final = re.compile(r"workflow((?:\.[A-Za-z_][A-Za-z0-9_-]*)+)(\[\])?")
_MAX_SEGMENTS: Final = 32


@dataclass(frozen=True, slots=True)
class OutputTarget:
    """A place among the workflow's variables: `workflow.order.id`, or `workflow.lines[]` to append."""

    text: str
    path: tuple[str, ...]
    append: bool

    def assign(self, variables: dict[str, Any], value: Value) -> None:
        """Write the value; objects on the way are made, null counts as absent.

        What is changed is copied first, so that values shared with step outputs stay as they are.

        Raises:
            ExpressionError: Something on the way is not an object, or the target of `[]` is not a list.
        """
        here = variables
        for depth, name in enumerate(self.path[:-1], start=1):
            inner = here.get(name)
            if inner is not None and not isinstance(inner, dict):
                raise ExpressionError(
                    f"cannot write to '{self.text}': '{self._place(depth)}' is {kind_of(inner)}, not an object"
                )
            copied: dict[str, Any] = dict(inner) if inner else {}  # pyright: ignore[reportUnknownArgumentType]
            here[name] = copied
            here = copied
        last = self.path[-1]
        here[last] = self._appended(here.get(last), value) if self.append else value

    def _appended(self, present: Value, value: Value) -> list[Any]:
        if present is not None and not isinstance(present, list):
            place = self._place(len(self.path))
            raise ExpressionError(f"cannot append to '{self.text}': '{place}' is {kind_of(present)}, not a list")
        return [*(present or []), value]

    def _place(self, depth: int) -> str:
        return ".".join(("workflow", *self.path[:depth]))


@dataclass(frozen=True, slots=True)
class OutputMapping:
    """A compiled `output_mapping`."""

    entries: tuple[tuple[Expression, OutputTarget], ...]
    references: frozenset[Reference]

    def apply(self, scope: Mapping[str, Any], variables: dict[str, Any]) -> None:
        """Evaluate all expressions, then write all results: all of them, or none when something fails.

        Raises:
            ExpressionError: An expression failed, or a target cannot be written; the reason begins with the target.
        """
        written = dict(variables)
        account: Account | None = getattr(scope, "account", None)
        with nullcontext() if account is None else account.together():
            values = self._evaluate(scope)
        for target, value in values:
            target.assign(written, value)
        variables.update(written)

    def _evaluate(self, scope: Mapping[str, Any]) -> list[tuple[OutputTarget, Value]]:
        values: list[tuple[OutputTarget, Value]] = []
        for expression, target in self.entries:
            try:
                values.append((target, expression.evaluate(scope)))
            except ExpressionError as error:
                raise located(error, target.text) from None
        return values


def parse_target(text: str) -> OutputTarget:
    """Return the place that a target names; raise `ExpressionInvalid` when it is none."""
    found = _TARGET.fullmatch(text)
    if found is None:
        raise ExpressionInvalid(
            f"'{text}' is not a target; write workflow.NAME, workflow.NAME.FIELD or workflow.NAME[]"
        )
    path = tuple(found[1].split(".")[1:])
    if len(path) > _MAX_SEGMENTS:
        raise ExpressionInvalid(f"target '{text[:40]}...' is nested deeper than {_MAX_SEGMENTS} levels")
    return OutputTarget(text, path, found[2] is not None)


def compile_targets(mapping: Mapping[str, str], roots: Collection[str]) -> OutputMapping:
    """Compile an `output_mapping`: expression -> target.

    Raises:
        ExpressionInvalid: An expression or a target is refused, or two results are written to one place.
    """
    entries: list[tuple[Expression, OutputTarget]] = []
    taken: set[str] = set()
    for source, text in mapping.items():
        target = parse_target(text)
        if text in taken and not target.append:
            raise ExpressionInvalid(f"two results are written to '{text}'; give each its own target")
        taken.add(text)
        try:
            entries.append((compile_expression(source, roots), target))
        except ExpressionInvalid as error:
            raise located(error, text) from None
    references = frozenset(reference for expression, _ in entries for reference in expression.references)
    return OutputMapping(tuple(entries), references)
