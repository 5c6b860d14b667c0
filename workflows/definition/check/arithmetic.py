"""Dates, telephone numbers, versions and ids without quotes of their own, which CEL takes for sums: `2024-01-01` is 2022."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from advanced_workflow.workflows.definition.check.sites import Site
from advanced_workflow.workflows.definition.model.markers import NUMBER
from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import warning
from advanced_workflow.workflows.definition.problems.problem import Problem
from advanced_workflow.workflows.errors import ExpressionError
from advanced_workflow.workflows.expressions import Expression
from advanced_workflow.workflows.expressions.mistakes.masked import Masked
from advanced_workflow.workflows.expressions.mistakes.mistake import quoted, written

_NUMBER: Final = r"\d+(?:\.\d+)?"
_SUM: Final = re.compile(rf"\s*-?{_NUMBER}(?:\s*[-/]\s*{_NUMBER})+\s*")
"""Numbers with these signs between them; `60 * 60` and `1 + 2` are no way to write a date or an id."""
_ZEROS: Final = re.compile(r"\s*-?0\d+\s*")
_INSIDE: Final = re.compile(
    r"(?<![\w.)\]])(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}/\d{1,2}/\d{2,4}|\d+(?:-\d+){2,}|\d{3,}-\d{4,}|0\d+(?:[-/]\d+)*)(?![\w.(\[])"
)
_ARITHMETIC: Final = re.compile(r"[-+*/%]")


def constant_arithmetic(site: Site) -> Iterator[Problem]:
    """Warn of numbers that are computed from constants and look like text, in a whole expression or beside an operator.

    A place that takes numbers only is for computing.
    """
    source = site.text
    if site.gives and site.gives <= NUMBER:
        return
    if _SUM.fullmatch(source) or _ZEROS.fullmatch(source):
        form, given = quoted(source.strip()), _value(site)
        if given is None:
            return  # It fails in every run, which is told.
        message = f"{source.strip()} is computed and gives {given}; text needs quotes of its own."
        fix = f"If it is text, write {written(form)}: quotes inside the quotes. If it is a number, write {given}."
        yield _told(site, message, fix, source, 1)
        return
    code = Masked(source).code
    found = next((one for one in _INSIDE.finditer(code) if not _is_operand(code, one)), None)
    if found is not None:
        form = f"{source[: found.start()]}{quoted(found[0])}{source[found.end() :]}"
        message = f"{found[0]} is a sum of numbers here, not a date or another text (column {found.start() + 1})."
        yield _told(site, message, f"Write {written(form)}.", source, found.start() + 1)


def text_fix(site: Site, expression: Expression) -> str:
    """The advice for a place that needs text and is given such a sum; nothing for others."""
    if not _SUM.fullmatch(expression.source) or site.gives <= NUMBER:
        return ""
    return f"Write {written(quoted(expression.source.strip()))}: quotes inside the quotes."


def _is_operand(code: str, found: re.Match[str]) -> bool:
    """Whether it is computed with what is beside it, so that numbers are meant."""
    before, after = code[: found.start()].rstrip()[-1:], code[found.end() :].lstrip()[:1]
    return bool(_ARITHMETIC.fullmatch(before) or _ARITHMETIC.fullmatch(after))


def _value(site: Site) -> str | None:
    compiled = site.compile()
    try:
        return f"{compiled.evaluate({})}" if isinstance(compiled, Expression) else "something"
    except ExpressionError:
        return None


def _told(site: Site, message: str, fix: str, source: str, column: int) -> Problem:
    return warning(Code.CONSTANT_ARITHMETIC, site.loc, message, fix).of_expression(source, column)
