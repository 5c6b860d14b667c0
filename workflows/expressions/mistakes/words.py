"""Operators and words of other languages, each with the CEL that says the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from advanced_workflow.workflows.expressions.mistakes.masked import TEXT

_Write: TypeAlias = str | Callable[[re.Match[str]], str]

_FIELDS: Final = r"[A-Za-z_][\w.\[\]?]*"
_PATH: Final = rf"{_FIELDS}(?:\(\))?"
_ATOM: Final = rf"(?:{_PATH}|-?\d+(?:\.\d+)?|{TEXT}|\[[^\[\]]*\])"
_NEGATED: Final = r"((?:(?!&&|\|\||\band\b|\bor\b|[()?:,])[^()]|\([^()]*\))+)"
_COMPARED: Final = re.compile(r"[=<>+]|\bin\b")


@dataclass(frozen=True, slots=True)
class Rule:
    """Code that another language has, what to say of it, and what CEL has in its place; `{}` in the reason is what was found."""

    pattern: re.Pattern[str]
    write: _Write
    reason: str


def _rule(pattern: str, write: _Write, reason: str, flags: int = 0) -> Rule:
    return Rule(re.compile(pattern, flags), write, reason)


def _not(found: re.Match[str]) -> str:
    operand = found[1].strip()
    space = " " if found[1].endswith(" ") else ""
    return (f"!({operand})" if _COMPARED.search(operand) else f"!{operand}") + space


def _default(found: re.Match[str]) -> str:
    path = found[1].replace("?", "")
    return f"{_optional(path)}.orValue({found[2]})"


def _optional(path: str) -> str:
    """The path with a guard at each field that may be missing: all but the root."""
    root, dot, rest = path.partition(".")
    first, more, fields = rest.partition(".")
    return f"{root}.?{first}{more}{fields}" if dot else path


def _each(found: re.Match[str]) -> str:
    return f"{found[1]}.map(one, one.{found[2]})" if found[2] else found[1]


_IS = "CEL compares with '=='"
_NULL = "there is no '{}' in CEL, it is null"
RULES: Final = (
    _rule(
        rf"^\s*({_PATH})\s*(?:\|\||\b[oO][rR]\b)\s*({TEXT}|-?\d+(?:\.\d+)?|\[\s*\])\s*$",
        _default,
        "'||' joins two conditions; a default is x.?field.orValue(...)",
    ),
    _rule(r"^\s*=(?=\s*[A-Za-z_(])", "", "an expression has no '=' before it"),
    _rule(r"[\u201c\u201d\u201e]([^\u201c\u201d\u201e]*)[\u201c\u201d]", r"'\1'", "'{}' has typographic quotes"),
    _rule(r"[\u2018\u2019\u201a]([^\u2018\u2019\u201a]*)[\u2018\u2019]", r"'\1'", "'{}' has typographic quotes"),
    _rule(r"`([^`]*)`", r"'\1'", "'{}' has backticks, and text stands in single quotes"),
    _rule(r"===", "==", _IS + ", and has no '==='"),
    _rule(r"!==", "!=", "CEL says '!=' and has no '!=='"),
    _rule(r"<>", "!=", "CEL says '!=' and has no '<>'"),
    _rule(r"([<>!=])\s+=(?!=)", r"\1=", "an operator of two signs is written without a blank"),
    _rule(
        r"(?<=[\w\])])\.(\w*[^\W\x00-\x7f]\w*)",
        r"['\1']",
        "a name with other letters than a to z stands in brackets",
    ),
    _rule(
        r"\(\s*\(?\s*(\w+)\s*\)?\s*=>\s*", r"(\1, ", "CEL has no '=>'; a variable and its expression are two arguments"
    ),
    _rule(
        r"\(\s*lambda\s+(\w+)\s*:\s*", r"(\1, ", "CEL has no 'lambda'; a variable and its expression are two arguments"
    ),
    _rule(r"=<", "<=", "'at most' is '<='"),
    _rule(r"=>", ">=", "'at least' is '>='"),
    _rule(rf"({_ATOM})\s*(?:=~|~=)\s*({_ATOM})", r"\1.matches(\2)", "CEL matches patterns with x.matches('...')"),
    _rule(r"(?<![=!<>:])=(?![=~>])", "==", "'=' compares nothing: " + _IS),
    _rule(r":=", "==", "an expression assigns nothing: " + _IS),
    _rule(rf"({_PATH})\s+not\s+in\s+({_ATOM})", r"!(\1 in \2)", "'not in' is !(x in list)", re.IGNORECASE),
    _rule(r"\s*\bis\s+not\s+(?:None|null|nil|NULL)\b", " != null", "'is not' is '!='"),
    _rule(r"\s*\bis\s+(?:None|null|nil|NULL)\b", " == null", "'is' is '=='"),
    _rule(r"\bis\s+not\b", "!=", "'is not' is '!='"),
    _rule(r"\bis\b(?!\s*[.(])", "==", "'is' is '=='"),
    _rule(r"^(.+?)\s+if\s+(.+?)\s+else\s+(.+)$", r"\2 ? \1 : \3", "a choice is CONDITION ? A : B", re.DOTALL),
    _rule(r"^\s*if\s+(.+?)\s+then\s+(.+?)\s+else\s+(.+)$", r"\1 ? \2 : \3", "a choice is CONDITION ? A : B", re.DOTALL),
    _rule(r"\bi?if\(([^(),]*),([^(),]*),([^(),]*)\)", r"(\1 ?\2 :\3)", "a choice is CONDITION ? A : B", re.IGNORECASE),
    _rule(rf"\bnot\b(?!\s+in\b)\s*{_NEGATED}", _not, "'not' is '!' in CEL", re.IGNORECASE),
    _rule(r"\band\b", "&&", "'{}' is '&&' in CEL", re.IGNORECASE),
    _rule(r"\bor\b(?!\()", "||", "'{}' is '||' in CEL", re.IGNORECASE),
    _rule(r"(?<!&)&(?!&)", "&&", "CEL has no '&' alone; 'and' is '&&'"),
    _rule(r"(?<!\|)\|(?!\|)", "||", "CEL has no '|' alone; 'or' is '||'"),
    _rule(r"\b(?:None|nil|NULL|Null|undefined)\b(?!\()", "null", _NULL),
    _rule(r"\b(?:True|TRUE)\b", "true", "'{}' is true in CEL"),
    _rule(r"\b(?:False|FALSE)\b", "false", "'{}' is false in CEL"),
    _rule(rf"({_PATH})\s*\?\?\s*({_ATOM})", _default, "a default is x.?field.orValue(...), and there is no '??'"),
    _rule(rf"({_PATH})\s*\?:\s*({_ATOM})", _default, "a default is x.?field.orValue(...), and there is no '?:'"),
    _rule(r"(?<=[\w\])])\?\.", ".?", "a field that may be missing is read with '.?'"),
    _rule(r"(?<=[A-Za-z_\])])\.(\d+)\b", r"[\1]", "an item of a list is read by [number]"),
    _rule(rf"({_FIELDS})\[\*?\]\.?(\w*(?:\.\w+)*)", _each, "all items of a list are read by list.map(one, one.field)"),
    _rule(
        r"\[\s*([^\[\]]+?)\s+for\s+(\w+)\s+in\s+([^\[\]]+?)\s+if\s+([^\[\]]+?)\s*\]",
        r"\3.filter(\2, \4).map(\2, \1)",
        "a list made of another is list.filter(one, ...).map(one, ...)",
    ),
    _rule(
        r"\[\s*([^\[\]]+?)\s+for\s+(\w+)\s+in\s+([^\[\]]+?)\s*\]", r"\3.map(\2, \1)", "it is list.map(one, ...) in CEL"
    ),
    _rule(rf"\bin\s*\(({_ATOM}(?:\s*,\s*{_ATOM})+)\s*,?\s*\)", r"in [\1]", "a list stands in brackets: [1, 2]"),
    _rule(rf"({_PATH})\s+contains\s+({_ATOM})", r"\1.contains(\2)", "'contains' is x.contains('...')", re.IGNORECASE),
    _rule(
        rf"({_PATH})\s+starts_?with\s+({_ATOM})",
        r"\1.startsWith(\2)",
        "'{}': CEL has x.startsWith('...')",
        re.IGNORECASE,
    ),
    _rule(rf"({_PATH})\s+ends_?with\s+({_ATOM})", r"\1.endsWith(\2)", "'{}': CEL has x.endsWith('...')", re.IGNORECASE),
    _rule(rf"({_PATH})\s+matches\s+({_ATOM})", r"\1.matches(\2)", "'matches' is x.matches('...')", re.IGNORECASE),
    _rule(
        rf"(?<![\w.])({_ATOM})\s*(<=?|>=?)\s*({_ATOM})\s*(<=?|>=?)\s*({_ATOM})",
        r"\1 \2 \3 && \3 \4 \5",
        "two comparisons in a row are joined by '&&'",
    ),
    _rule(
        rf"({_PATH})\s*==\s*({TEXT}|-?\d+)\s*(?:\|\||\bor\b)\s*({TEXT}|-?\d+)(?!\s*[=<>!+.])",
        r"\1 in [\2, \3]",
        "'||' joins two conditions; one of several values is x in [...]",
    ),
    _rule(r"^\s*\{([^{}:,]*)\}\s*$", r"\1", "braces make a map: {'field': value}"),
    _rule(r";\s*$", "", "an expression has no ';' at its end"),
    _rule(r"\*\*", "*", "CEL has no power; multiply"),
)
"""In the order of being applied: what others contain comes after them."""
