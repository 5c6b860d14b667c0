"""Why an expression does not compile, in the words of whoever wrote it, with the right form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from advanced_workflow.workflows.expressions.mistakes.brackets import bracket_mistake
from advanced_workflow.workflows.expressions.mistakes.functions import FUNCTIONS
from advanced_workflow.workflows.expressions.mistakes.kinds import (
    doubled_quote,
    escape_mistake,
    kind_mistake,
    pattern_mistake,
)
from advanced_workflow.workflows.expressions.mistakes.masked import Masked
from advanced_workflow.workflows.expressions.mistakes.mistake import Compiles, Fault, Known, Mistake, written
from advanced_workflow.workflows.expressions.mistakes.names import (
    Renamed,
    hyphen_reason,
    renamed,
    unknown_name,
    with_steps_in_brackets,
)
from advanced_workflow.workflows.expressions.mistakes.templates import template_mistakes
from advanced_workflow.workflows.expressions.mistakes.texts import like, prose, text_of_a_kind
from advanced_workflow.workflows.expressions.mistakes.unread import unread
from advanced_workflow.workflows.expressions.mistakes.words import RULES

_MAX_LENGTH: Final = 1_000
_MOST_STEPS: Final = 8
SWITCHES: Final = {"yes": "true", "on": "true", "no": "false", "off": "false"}


@dataclass(frozen=True, slots=True)
class Meaning:
    """What an expression at a place may mean."""

    roots: frozenset[str]
    known: Known
    compiles: Compiles
    may_be_text: bool = True


def explain(source: str, fault: Fault, meaning: Meaning) -> Mistake | None:
    """What was meant, or None where that cannot be told. A form that is given compiles."""
    if len(source) > _MAX_LENGTH or not source.strip():
        return None
    repair = _Repair(meaning.roots, meaning.known, meaning.compiles, meaning.may_be_text)
    left: Mistake | None = None
    for one in _candidates(source, fault, repair):
        if one.form is None:
            left = left or one
            continue
        form = repair.completed(one.form)
        if form == one.form:
            return one
        if form is not None:
            return replace(one, form=form, advice=f"Write {written(form)}.")
        left = left or replace(one, form=None, advice=_ALONE)
    return left


_ALONE: Final = "Write the expression alone, such as input.total; text in it stands in single quotes."


def _candidates(source: str, fault: Fault, repair: _Repair) -> Iterator[Mistake]:
    """In the order of how sure they are."""
    yield from template_mistakes(source, repair.roots)
    words = repair.may_be_text
    sure = (text_of_a_kind(source) if words else None, like(source), pattern_mistake(source, *fault))
    yield from (one for one in sure if one is not None)
    repaired = repair.explained(source, fault)
    if repaired is not None and repaired.form is not None:
        yield repaired
    said = (
        prose(source, repair.roots) if words else None,
        bracket_mistake(source),
        kind_mistake(source, *fault),
        repaired,
        unread(*fault),
    )
    yield from (one for one in said if one is not None)


@dataclass(frozen=True, slots=True)
class _Repair:
    """Sets right what can be set right, step by step, until the expression compiles."""

    roots: frozenset[str]
    known: Known
    compiles: Compiles
    may_be_text: bool

    def completed(self, source: str) -> str | None:
        """The expression as it compiles, repaired where it must be; None where that is not found."""
        fault = self.compiles(source)
        if fault is None:
            return source
        repaired = self.explained(source, fault)
        return repaired.form if repaired is not None else None

    def explained(self, source: str, fault: Fault) -> Mistake | None:
        """The first thing that is wrong, with the form in which everything is right; without a form where that is not found."""
        first: Mistake | None = None
        has_text = False
        for _ in range(_MOST_STEPS):
            step, is_text = self._step(source, fault)
            if step is None:
                break
            has_text = has_text or is_text
            first = first or step
            if step.form is None or step.form == source:
                break
            source = step.form
            again = self.compiles(source)
            if again is None:
                return first and self._whole(first, source, has_text=has_text)
            fault = again
        return replace(first, form=None, advice=first.advice or _ALONE) if first is not None else None

    def _whole(self, first: Mistake, form: str, *, has_text: bool) -> Mistake | None:
        if has_text and not self._reads_data(form):
            return self._word(first, form)
        more = f" {first.advice}" if first.advice and not first.advice.startswith("Write ") else ""
        return replace(first, form=form, advice=f"Write {written(form)}.{more}")

    def _reads_data(self, form: str) -> bool:
        code = Masked(form).code
        return any(re.search(rf"(?<![\w.]){root}\b", code) for root in self.roots)

    def _word(self, first: Mistake, form: str) -> Mistake | None:
        """One word alone, which may be text or data."""
        name = unknown_name(first.reason)
        if not self.may_be_text:
            return replace(
                first, form=None, advice=f"Data is read as input.{name}, workflow.{name} or steps.ID.output."
            )
        if name is None or form != f"'{name}'":
            return None
        if name.casefold() in SWITCHES:
            advice = f"Write {SWITCHES[name.casefold()]}, or {written(form)} for text."
            return replace(first, form=form, advice=advice)
        advice = f"Text needs quotes of its own: {written(form)}. Data is read as input.{name}, workflow.{name} or steps.ID.output."
        return replace(first, form=form, advice=advice)

    def _step(self, source: str, fault: Fault) -> tuple[Mistake | None, bool]:
        """The next thing to set right, and whether a name was taken for text."""
        reworded = self._steps_in_brackets(source) or self._reworded(source)
        if reworded is not None:
            return reworded, False
        reason, column = fault
        name = unknown_name(reason)
        if name is not None:
            masked = Masked(source)
            found = renamed(masked.code, name, column, self.roots, self.known)
            return (None, False) if found is None else (_mistake(found, masked, column), found.is_text)
        return _of_values(source, reason, column), False

    def _steps_in_brackets(self, source: str) -> Mistake | None:
        masked = Masked(source)
        found = with_steps_in_brackets(masked.code, self.known)
        if found is None:
            return None
        at, name, code = found
        return Mistake(hyphen_reason(name), "", at + 1, masked.restored(code))

    def _reworded(self, source: str) -> Mistake | None:
        """Every word of another language, set right at once; the first one is what is said."""
        masked = Masked(source)
        code, first = masked.code, None
        for rule in (*RULES, *FUNCTIONS):
            found = rule.pattern.search(code)
            if found is None:
                continue
            written_so = rule.pattern.search(masked.code)
            if written_so is not None and (first is None or written_so.start() < first[0]):
                what = masked.restored(written_so[0])
                at = written_so.start() + len(what) - len(what.lstrip())
                first = (at, _said(rule.reason, written_so, what))
            code = rule.pattern.sub(rule.write, code)
        if first is None:
            return None
        return Mistake(first[1], "", first[0] + 1, masked.restored(code).strip())


def _of_values(source: str, reason: str, column: int) -> Mistake | None:
    if reason.startswith("gives an optional"):
        form = f"{source}.orValue(null)"
        return Mistake("what may be missing needs a value for that: .orValue(...)", "", column or 1, form)
    return (
        escape_mistake(source)
        or doubled_quote(source)
        or kind_mistake(source, reason, column)
        or bracket_mistake(source)
    )


def _said(reason: str, found: re.Match[str], what: str) -> str:
    name = found[1] if "{1}" in reason and found.re.groups else ""
    return reason.replace("{1}", name or "").replace("{}", what.strip(" .("))


def _mistake(found: Renamed, masked: Masked, column: int) -> Mistake:
    return Mistake(found.reason, found.advice, column, masked.restored(found.code))
