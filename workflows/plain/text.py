"""Text for sentences."""

from __future__ import annotations


def one_line(value: object) -> str:
    """A value's text without line breaks and repeated blanks, such as an error of a library."""
    return " ".join(str(value).split())
