"""Strict JSON: no duplicate keys, no NaN or Infinity, with the line of every place."""

from __future__ import annotations

import json
import re

from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import shorten
from advanced_workflow.workflows.definition.text.source_tree import SourceInvalid, SourceTree, TreeBuilder, place_at

_TOKEN = re.compile(r'[\[\]{}]|"(?:[^"\\]|\\.)*"|[^\s\[\]{}",:]+', re.DOTALL)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_MAX_DIGITS = 300


def read_json(text: str) -> SourceTree:
    """Read strict JSON; raises `SourceInvalid`."""
    _require_grammar(text)
    # The grammar is proven, so a walk over the tokens is enough to build the data with its lines.
    builder = TreeBuilder()
    line, seen = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", seen, match.start())
        seen = match.start()
        _take(match.group(), builder, line, match.start())
    return SourceTree(builder.root, builder.lines, text, builder.starts)


def _require_grammar(text: str) -> None:
    try:
        # Numbers are judged while building; here a long one must not be converted, nor NaN taken for one.
        json.loads(text, parse_constant=_refuse_constant, parse_int=len, parse_float=len)
    except json.JSONDecodeError as error:
        message = f"the text is not JSON: {error.msg} at column {error.colno}."
        raise SourceInvalid(
            Code.SYNTAX, message, "Correct the line.", **place_at(text, error.lineno, error.colno)
        ) from None
    except RecursionError:
        raise SourceInvalid(Code.TOO_DEEP, "the text nests too deeply.", "Flatten it.") from None


def _refuse_constant(name: str) -> None:
    raise SourceInvalid(Code.NOT_FINITE, f"{name} is not a finite number.", "Write a number, or a string.")


def _take(lexeme: str, builder: TreeBuilder, line: int, start: int) -> None:
    if lexeme == "{":
        builder.begin({}, line)
    elif lexeme == "[":
        builder.begin([], line)
    elif lexeme in ("}", "]"):
        builder.end()
    elif not lexeme.startswith('"'):
        builder.scalar(_WORDS[lexeme] if lexeme in _WORDS else _number(lexeme, line), line)
    elif builder.expects_key:
        builder.key(json.loads(lexeme), line, start)
    else:
        builder.scalar(json.loads(lexeme), line, start)


def _number(token: str, line: int) -> int | float:
    if len(token) > _MAX_DIGITS:
        message = f"the number {shorten(token, 20)} has too many digits."
        raise SourceInvalid(Code.WRONG_VALUE, message, "Put it in quotes.", line=line)
    return json.loads(token)
