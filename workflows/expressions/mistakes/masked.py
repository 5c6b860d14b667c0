"""Expressions with their texts in quotes made unreadable, so that rules look at the code only."""

from __future__ import annotations

import re
from typing import Final

_TEXT: Final = re.compile(
    r"\b[rR]?(?:'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")"
    r"|(?:'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")",
    re.DOTALL,
)
_FIRST: Final = 0xE000
_MOST: Final = 1_000
CHARACTERS: Final = "\ue000-\ue3ff"
TEXT: Final = f"[{CHARACTERS}]+"
"""What a text in quotes is in masked code."""
_ONE: Final = re.compile(r"([\ue000-\ue3ff])\1*")


class Masked:
    """Code with its texts, each replaced by as many characters of its own."""

    def __init__(self, source: str) -> None:
        """Take the texts out."""
        self._texts: list[str] = []
        self.code = _TEXT.sub(lambda found: self._hide(found[0]), source)

    def _hide(self, text: str) -> str:
        if len(self._texts) >= _MOST:
            return text
        self._texts.append(text)
        return chr(_FIRST + len(self._texts) - 1) * len(text)

    def restored(self, code: str) -> str:
        """Code with the texts where their characters are."""
        return _ONE.sub(lambda found: self._text(found[1]), code)

    def _text(self, character: str) -> str:
        number = ord(character) - _FIRST
        return self._texts[number] if number < len(self._texts) else character
