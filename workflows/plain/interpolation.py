"""Texts with expressions in them, as in `Look at {{ input.service }}`."""

from __future__ import annotations

import re
from collections.abc import Iterable

_PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def expressions_in(text: str) -> list[str]:
    """The expressions of a text, in their order."""
    return [found.strip() for found in _PLACE.findall(text)]


def interpolated(text: str, values: Iterable[str]) -> str:
    """The text with each expression replaced by its value; they come in the expressions' order."""
    left = iter(values)
    return _PLACE.sub(lambda _: next(left), text)
