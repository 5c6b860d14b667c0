"""Text for sentences."""

from __future__ import annotations

import re

LONGEST = 4_000
"""Characters of a text for people: an error's message, a comment. What is longer is data, and belongs elsewhere."""
_HALF = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def one_line(value: object) -> str:
    """A value's text without line breaks and repeated blanks, such as an error of a library."""
    return " ".join(str(value).split())


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
