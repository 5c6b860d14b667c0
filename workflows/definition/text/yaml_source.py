"""Strict YAML 1.2: the core schema only, one document, string keys, no anchors, aliases or tags.

The library supplies the grammar; what a plain word means is decided here, because its own rules are those of YAML 1.1,
where `no` is false and `012` is ten.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import yaml

from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.places import shorten
from advanced_workflow.workflows.definition.text.source_tree import (
    PlaceInText,
    SourceInvalid,
    SourceTree,
    TreeBuilder,
    place_at,
)
from advanced_workflow.workflows.definition.text.yaml_mistakes import syntax_fix

# The C parser where the wheel has it: the same grammar, about twenty times faster.
_Parser = yaml.CBaseLoader if yaml.__with_libyaml__ else yaml.BaseLoader

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL_OR_HEX = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MAX_DIGITS = 300
_ZEROS = re.compile(r"[-+]?0[0-9]+")
_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")


def read_yaml(text: str) -> SourceTree:
    """Read strict YAML; raises `SourceInvalid`."""
    builder = TreeBuilder()
    documents, line_starts = 0, _line_starts(text)
    try:
        for event in _events(text):
            documents += isinstance(event, yaml.DocumentStartEvent)
            if documents > 1:
                raise _refused("a second document starts here", "Keep one document in a file.", _line(event))
            _take(event, builder, line_starts)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text) from None
    except (yaml.YAMLError, UnicodeError) as error:
        reason = shorten(str(error).partition("\n")[0])
        raise SourceInvalid(Code.SYNTAX, f"the text is not YAML: {reason}.", "Remove that character.") from None
    return SourceTree(builder.root, builder.lines, text, builder.starts, tuple(builder.doubts))


def _events(text: str) -> Iterator[yaml.Event]:
    return yaml.parse(text, Loader=_Parser)


def _take(event: yaml.Event, builder: TreeBuilder, line_starts: Sequence[int]) -> None:
    line = _line(event)
    _refuse_references(event, line)
    if isinstance(event, yaml.CollectionStartEvent):
        if builder.expects_key:
            raise _refused("a key is not a string", "Write the key as a string.", line)
        builder.begin({} if isinstance(event, yaml.MappingStartEvent) else [], line)
    elif isinstance(event, yaml.CollectionEndEvent):
        builder.end()
    elif isinstance(event, yaml.ScalarEvent):
        value = _value(event, line)
        if isinstance(value, int) and event.implicit[0] and _ZEROS.fullmatch(event.value):
            builder.doubt(event.value, line)
        if not builder.expects_key:
            builder.scalar(value, line, _start(event, line_starts))
        elif isinstance(value, str):
            builder.key(value, line, _start(event, line_starts))
        else:
            raise _refused(f"the key {shorten(event.value)} is not a string", "Put it in quotes.", line)


def _refuse_references(event: yaml.Event, line: int) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _refused(f"'*{shorten(event.anchor or '')}' is an alias", "Write the value out.", line)
    if not isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent):
        return
    if event.anchor is not None:
        raise _refused(f"'&{shorten(event.anchor)}' is an anchor", "Remove it.", line)
    if event.tag is not None:
        raise _refused(f"'{shorten(event.tag)}' is a tag", "Remove it.", line)


def _value(event: yaml.ScalarEvent, line: int) -> str | float | bool | None:
    text = event.value
    if not event.implicit[0]:  # Quoted and block scalars are always strings.
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _NOT_FINITE.fullmatch(text):
        raise SourceInvalid(
            Code.NOT_FINITE, f"{text} is not a finite number.", "Write a number, or a string.", line=line
        )
    return _number(text, line)


def _number(text: str, line: int) -> str | float:
    if len(text) > _MAX_DIGITS and _FLOAT.fullmatch(text):
        raise SourceInvalid(Code.WRONG_VALUE, "the number has too many digits.", "Put it in quotes.", line=line)
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL_OR_HEX.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _line_starts(text: str) -> list[int]:
    """Where the lines begin, as YAML counts them."""
    return [0, *(found.end() for found in _LINE_END.finditer(text))]


def _start(event: yaml.Event, line_starts: Sequence[int]) -> int:
    mark = event.start_mark
    return line_starts[mark.line] + mark.column if mark is not None and mark.line < len(line_starts) else 0


def _refused(what: str, fix: str, line: int) -> SourceInvalid:
    return SourceInvalid(Code.UNSUPPORTED_YAML, f"{what}, which definitions may not use.", fix, line=line)


def _syntax(error: yaml.MarkedYAMLError, text: str) -> SourceInvalid:
    mark = error.problem_mark or error.context_mark
    reason = shorten(" ".join(part for part in (error.context, error.problem) if part))
    column = f" at column {mark.column + 1}" if mark else ""
    at = place_at(text, mark.line + 1, mark.column + 1) if mark else PlaceInText()
    fix = syntax_fix(error, at.get("source_line", ""))
    return SourceInvalid(Code.SYNTAX, f"the text is not YAML: {reason}{column}.", fix, **at)
