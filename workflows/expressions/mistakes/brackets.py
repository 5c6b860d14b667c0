"""Brackets and quotes that are opened and not closed, or the other way round."""

from __future__ import annotations

from typing import Final

from advanced_workflow.workflows.expressions.mistakes.masked import Masked
from advanced_workflow.workflows.expressions.mistakes.mistake import Mistake, written

_CLOSES: Final = {"(": ")", "[": "]", "{": "}"}


def bracket_mistake(source: str) -> Mistake | None:
    """The first quote or bracket without its other half."""
    masked = Masked(source)
    for mark in ("'", '"'):
        at = masked.code.find(mark)
        if at >= 0:
            form = f"{source}{mark}"
            return Mistake(
                f"the text that begins with {mark} has no {mark} at its end", f"Write {written(form)}.", at + 1, form
            )
    waiting: list[tuple[str, int]] = []
    for at, character in enumerate(masked.code):
        if character in _CLOSES:
            waiting.append((_CLOSES[character], at))
        elif character in _CLOSES.values():
            if not waiting or waiting[-1][0] != character:
                form = source[:at] + source[at + 1 :]
                return Mistake(
                    f"nothing is open that this '{character}' closes", f"Write {written(form)}.", at + 1, form
                )
            waiting.pop()
    if not waiting:
        return None
    closing, at = waiting[-1]
    form = source + "".join(one for one, _ in reversed(waiting))
    return Mistake(f"'{source[at]}' is not closed: its '{closing}' is missing", f"Write {written(form)}.", at + 1, form)
