"""Texts with expressions in them, as in `Look at {{ input.service }}`."""

from __future__ import annotations

import re
from collections.abc import Callable

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def expressions_in(text: str) -> list[str]:
    """The expressions of a text, in their order."""
    return [found.strip() for found in _PLACE.findall(text)]


def interpolated(text: str, value_of: Callable[[int], str]) -> str:
    """The text with each expression replaced; `value_of` gives the text for the expression of that number."""
    number = -1

    def replacement(_: re.Match[str]) -> str:
        nonlocal number
        number += 1
        return value_of(number)

    return _PLACE.sub(replacement, text)
