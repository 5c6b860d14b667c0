"""When two names are one: people, groups, whoever decides. Names are compared by this and shown as they were given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from advanced_workflow.workflows.plain.text import FILLERS

_INVISIBLE: Final = re.compile(f"[{FILLERS}\u2800\ufe00-\ufe0f]")
"""What is written out wherever text is shown, and what may be shown (it chooses a form of an emoji) but tells no names apart."""
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
        one for one in text if one.isspace() or not (_INVISIBLE.match(one) or unicodedata.category(one) in _UNSEEN)
    )
