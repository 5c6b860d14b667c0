"""What the parser stumbles over where nothing is known of what was meant, said as people say it."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Final

from advanced_workflow.workflows.expressions.mistakes.functions import call_of
from advanced_workflow.workflows.expressions.mistakes.mistake import Mistake

_AFTER_THE_END: Final = re.compile(r"(?:extraneous|mismatched) input '(.+)' expecting <EOF>", re.DOTALL)
_OUT_OF_PLACE: Final = re.compile(
    r"(?:extraneous|mismatched) input '(.+?)'(?: expecting .*)?|no viable alternative at input '(.+)'", re.DOTALL
)
_NO_TOKEN: Final = re.compile(r"token recognition error at: '(.+)'", re.DOTALL)
_NO_FUNCTION: Final = re.compile(r"unknown function '([^']*)'; there are (.*)", re.DOTALL)
_NO_SUCH_CALL: Final = re.compile(
    r"undeclared reference to '([^']*)'.*|found no matching overload for '([^']*)'.*", re.DOTALL
)
_OPERATORS: Final = "The operators are + - * / % == != < <= > >= && || ! in ?: and text stands in single quotes."
_BETWEEN: Final = (
    "Put an operator before it, or single quotes around text; a field with a blank in its name is input['first name']."
)
_AT_THE_END: Final = "Write what is missing at its end, such as a value, or ': B' after CONDITION ? A."


def unread(reason: str, column: int) -> Mistake | None:
    """The parser's own words in others."""
    if reason == "it ends too early":
        return Mistake("the expression ends too early", _AT_THE_END, column)
    function = _NO_FUNCTION.fullmatch(reason)
    if function is not None:
        near = get_close_matches(function[1].casefold(), function[2].split(", "), n=1)
        advice = f"Did you mean '{near[0]}'?" if near else f"There are: {function[2]}."
        return Mistake(f"unknown function '{function[1]}'", advice, column)
    called = _NO_SUCH_CALL.fullmatch(reason)
    if called is not None:
        name = called[1] or called[2]
        right = call_of(name)
        return Mistake(f"'{name}' is not called so", f"Write {right}.", column) if right is not None else None
    for pattern, words, advice in (
        (_AFTER_THE_END, "the expression is complete before {}", _BETWEEN),
        (_OUT_OF_PLACE, "{} is not expected here", _OPERATORS),
        (_NO_TOKEN, "{} means nothing in CEL", _OPERATORS),
    ):
        found = pattern.fullmatch(reason)
        if found is not None:
            what = next(one for one in found.groups() if one is not None)
            return Mistake(words.format(f"'{what.strip()}'"), advice, column)
    return None
