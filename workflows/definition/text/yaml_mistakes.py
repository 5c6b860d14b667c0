"""What to do about a text that YAML cannot read, by the place where its parser stopped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import yaml

_INDENT: Final = "Indent it as the lines that it belongs with, with spaces."
_QUOTE: Final = "Put the text in quotes."
_FIXES: Final[Mapping[str, str]] = {
    "escape": "In double quotes a backslash begins an escape: write two of them, or use single quotes.",
    "',' or '": "Put text that holds one of : , { } [ ] in quotes, put a comma between two entries, or close the bracket.",
    "mapping values": "Text with a colon and a blank in it stands in quotes; a field of its own begins on a new line.",
    "could not find": "Write NAME: VALUE; text that goes on from the line before is indented.",
    "cannot start": _QUOTE,
    "node content": _QUOTE,
    "mapping keys": _QUOTE,
    "block scalar": "After '|' or '>' the text begins on the next line.",
    "key": _INDENT,
    "block end": _INDENT,
    "indicator": f"{_INDENT} Each entry of a list begins with '- '.",
}
"""By words that the parsers of both kinds use; the first that is found."""
_QUOTED_BEFORE: Final = re.compile(r"""['"]\s*$""")
_WHOLE: Final = "Put all of the value in quotes, of the other kind than those inside: \"'a' + input.b\"."


def syntax_fix(error: yaml.MarkedYAMLError, line: str) -> str:
    """The advice for an error; `line` is the one where the parser stopped."""
    said = f"{error.context or ''} {error.problem or ''}"
    column = error.problem_mark.column if error.problem_mark else 0
    if "\t" in line[: column + 1] and not line[:column].strip():
        return "Indent with spaces; YAML takes no tabs there."
    if "end of stream" in said and error.context_mark is not None:
        return f"Close the quotes that begin in line {error.context_mark.line + 1}."
    if _QUOTED_BEFORE.search(line[:column]) and ("key" in said or "<block end>" in said):
        return _WHOLE
    return next((fix for words, fix in _FIXES.items() if words in said), "Correct the line.")
