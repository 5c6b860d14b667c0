"""When two names are one: people, groups, whoever decides. Names are compared by this and shown as they were given."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

_SPANS: Final = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xE0000, 0xE0FFF),
)
"""Characters that show as nothing and are not in the categories below: fillers, joiners, selectors, the empty braille cell."""
_INVISIBLE: Final = frozenset(code for first, last in _SPANS for code in range(first, last + 1))
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Cn"})
"""Control and format characters (zero width, direction), halves of characters, and what is not assigned."""


def same_name(name: str) -> str:
    """What two spellings of one name have in common: no invisible characters, no case, one form of each character, single blanks.

    Empty where nothing of it can be seen.
    """
    if name.isascii() and name.isalnum():
        return name.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _seen(name)).casefold())
    return " ".join(_seen(folded).split())


def same_names(names: Iterable[str]) -> frozenset[str]:
    """The different people among these names."""
    return frozenset(same_name(one) for one in names)


def _seen(text: str) -> str:
    return "".join(
        one for one in text if one.isspace() or not (ord(one) in _INVISIBLE or unicodedata.category(one) in _UNSEEN)
    )
