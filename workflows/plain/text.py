"""Text for sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

LONGEST = 4_000
"""Characters of a text for people: an error's message, a comment. What is longer is data, and belongs elsewhere."""
_HALF = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"
FILLERS = "\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0\U000e0000-\U000e0fff"
"""Letters and marks that show as nothing, as a part of a set in a pattern."""
# Control characters, halves of characters, and what is not seen, turns the direction of writing or breaks lines.
_UNSEEN = (
    f"{FILLERS}\x00-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
)
_ONE_LINE = re.compile(f"[{_UNSEEN}]")
_LINES = re.compile(f"(?!\n)[{_UNSEEN}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9 ,]*")
_MARKDOWN: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"[\\`*~|]"), lambda found: "\\" + found[0]),
    (re.compile(r"(?<![^\W_])_|_(?![^\W_])"), lambda found: "\\_"),
    (re.compile(r"[&<>]"), lambda found: {"&": "&amp;", "<": "&lt;", ">": "&gt;"}[found[0]]),
    # Links, pictures and what is made one without being asked.
    (re.compile(r"!(?=\[)|\](?=[(:\[])"), lambda found: "\\" + found[0]),
    (re.compile(r":(?=//)|(?<=\bwww)\.", re.IGNORECASE), lambda found: f"&#{ord(found[0])};"),
    # Headings, lists and rules.
    (
        re.compile(r"^( *)([#+=-])|^( *\d{1,9})([.)])"),
        lambda found: "\\".join(one for one in found.groups() if one is not None),
    ),
)


def one_line(value: object) -> str:
    """A value's text without line breaks and repeated blanks, such as an error of a library."""
    return visible(" ".join(str(value).split()))


def visible(text: str) -> str:
    """The text on one line, with nothing in it that a terminal or a log obeys, or that cannot be seen: that is written out.

    Names, inputs, errors and answers of services come from anybody; shown as they are they could forge lines, or hide some.
    """
    return text if text.isascii() and text.isprintable() else _ONE_LINE.sub(_written_out, text)


def visible_lines(text: str) -> str:
    """The same for a text that may have several lines."""
    return _LINES.sub(_written_out, text)


def visible_json(text: str) -> str:
    """JSON of the same meaning, with nothing in it that a terminal obeys or that cannot be seen."""
    return _LINES.sub(lambda found: json.dumps(found[0])[1:-1], text)


def markdown(text: str) -> str:
    """The text on one line as markdown that shows it as it is."""
    if _PLAIN.fullmatch(text):
        return text
    shown = visible(text)
    for sign, escaped in _MARKDOWN:
        shown = sign.sub(escaped, shown)
    return shown


def _written_out(found: re.Match[str]) -> str:
    one = found[0]
    code = ord(one)
    return _SHORT.get(one) or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def encodable(text: str) -> str:
    """The text as UTF-8 can hold it: halves of characters become U+FFFD."""
    return text if text.isascii() else _HALF.sub(_REPLACEMENT, text)


def shortened(text: str, longest: int = LONGEST) -> str:
    """The text with no more than so many characters; one that is cut says how much it was."""
    if len(text) <= longest:
        return text
    note = f" ... ({len(text):,} characters in all)"
    return text[: max(longest - len(note), 0)] + note


def for_people(text: str, longest: int = LONGEST) -> str:
    """A text that came from anywhere, as it may be sent, kept in any database, and shown."""
    return encodable(shortened(text, longest)).replace("\0", _REPLACEMENT)
