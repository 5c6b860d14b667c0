"""Values of kinds that do not go together, and patterns that are none."""

from __future__ import annotations

import re
from typing import Final

from advanced_workflow.workflows.expressions.mistakes.functions import named_type
from advanced_workflow.workflows.expressions.mistakes.masked import TEXT, Masked
from advanced_workflow.workflows.expressions.mistakes.mistake import Mistake, quoted, written

_TYPE_AS_TEXT: Final = re.compile(r"(\btype\([^()]*\)\s*[!=]=\s*)['\"](\w+)['\"]")
_OVERLOAD: Final = re.compile(r"'([^']+)' cannot be applied to \((.*)\)")
_NUMBER: Final = r"-?\d+(?:\.\d+)?"
_AFTER: Final = re.compile(rf"(\S{{1,2}}\s*)({_NUMBER})")
_BEFORE: Final = re.compile(rf"({_NUMBER})(\s*)$")
_JOINING: Final = frozenset({"+", "==", "!="})
_NUMBERS: Final = frozenset({"int", "double", "uint"})
_BAD_ESCAPE: Final = re.compile(r"\\[^abfnrtv\\?\"'`0-7xXuU\n]")
_LITERAL: Final = re.compile(r"(?<![\w'\"])('(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")")


def kind_mistake(source: str, reason: str, column: int) -> Mistake | None:
    """A text and a number that are joined or compared."""
    overload = _OVERLOAD.search(reason)
    if overload is None:
        return None
    operator, types = overload[1], [one.strip() for one in overload[2].split(",")]
    if any(one.startswith("type(") for one in types):
        return _type_mistake(source, column)
    if len(types) != 2 or "string" not in types or not _NUMBERS & set(types):
        return None
    masked = Masked(source)
    code, at = masked.code, column - 1
    form = _as_text(code, at) if operator in _JOINING else None
    if operator == "+":
        why = "text and a number do not join"
        advice = "Make text of the number: string(...)."
    else:
        why = f"text and a number do not go together with '{operator}'"
        advice = "Write a number without quotes, or make one of text with double(...)."
    form = masked.restored(form) if form is not None else None
    return Mistake(why, f"Write {written(form)}." if form is not None else advice, column, form)


def _type_mistake(source: str, column: int) -> Mistake | None:
    """A type that is compared with the name of one as text."""
    found = _TYPE_AS_TEXT.search(source)
    name = named_type(found[2]) if found is not None else None
    if found is None or name is None:
        return None
    form = f"{source[: found.start()]}{found[1]}{name}{source[found.end() :]}"
    why = "a type is compared with the name of a type, without quotes"
    return Mistake(why, f"Write {written(form)}.", column, form)


def _as_text(code: str, at: int) -> str | None:
    """The code with the number beside an operator made text."""
    after = _AFTER.match(code, at)
    if after is not None:
        return f"{code[: after.start(2)]}string({after[2]}){code[after.end() :]}"
    before = _BEFORE.search(code[:at])
    if before is not None and re.match(rf"\S{{1,2}}\s*{TEXT}", code[at:]):
        return f"{code[: before.start()]}string({before[1]}){before[2]}{code[at:]}"
    return None


def escape_mistake(source: str) -> Mistake | None:
    """A backslash that a text of CEL does not know, as those of patterns."""
    for found in _LITERAL.finditer(source):
        if _BAD_ESCAPE.search(found[1]):
            form = _LITERAL.sub(lambda one: f"r{one[1]}" if _BAD_ESCAPE.search(one[1]) else one[1], source)
            reason = "a backslash in a text begins an escape; a pattern stands in r'...'"
            return Mistake(reason, f"Write {written(form)}.", found.start() + 1, form)
    return None


_AROUND: Final = re.compile(r"\(\?<?[=!]|\\[1-9]|\(\?P?=")


_DOUBLED: Final = re.compile(r"'((?:[^'\\\n]|'')*)'")


def doubled_quote(source: str) -> Mistake | None:
    """A quote in a text that is written twice, as in SQL and YAML."""
    found = _DOUBLED.fullmatch(source.strip())
    if found is None or "''" not in found[1]:
        return None
    form = quoted(found[1].replace("''", "'"))
    return Mistake(
        "a quote inside of a text has a backslash before it", f"Write {written(form)}.", source.index("''") + 1, form
    )


def pattern_mistake(source: str, reason: str, column: int) -> Mistake | None:
    """A pattern that RE2 does not read."""
    if not reason.startswith("invalid regular expression"):
        return None
    what = reason.partition(":")[2].strip() or reason
    if _AROUND.search(source):
        advice = "RE2 looks neither ahead nor behind and has no back references: test what must not be there by itself, as in !x.matches('...')."
    elif "repetition operator" in what:
        advice = "'*', '+' and '?' repeat what is before them; anything at all is '.*'."
    else:
        advice = (
            r"Close each bracket; a bracket that is meant as it is stands in [ ], such as [(], and r'\(' is one too."
        )
    return Mistake(f"the pattern is not a regular expression of RE2: {what}", advice, column)
