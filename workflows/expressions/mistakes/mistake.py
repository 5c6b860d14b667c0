"""One mistake: what is wrong, where, and what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

Fault: TypeAlias = tuple[str, int]
"""Why an expression does not compile, and the column of that."""
Compiles: TypeAlias = Callable[[str], Fault | None]
"""Why an expression does not compile, or None where it does."""

_LONGEST: Final = 160
_PLAIN: Final = re.compile(r"-?\d+(?:\.\d+)?|[A-Za-z_][\w.?/*()\[\]+ <>=&|!-]*")
"""What YAML takes for text as it is, and JSON authors know to put in quotes."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a definition has that an expression may mean: without these only the language itself is known."""

    steps: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()
    inputs: frozenset[str] = frozenset()


NOTHING_KNOWN: Final = Known()


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong at a column (from 1), and the advice; `form` is the right expression where one can be given, and it compiles."""

    reason: str
    advice: str
    column: int
    form: str | None = None


def written(form: str) -> str:
    """An expression as it stands in a definition, in quotes of YAML where it needs them."""
    form = form if len(form) <= _LONGEST else f"{form[: _LONGEST - 3]}..."
    if _PLAIN.fullmatch(form) and form.strip() == form:
        return form
    return json.dumps(form, ensure_ascii=False)


def quoted(text: str) -> str:
    """A text as an expression."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{escaped}'"
