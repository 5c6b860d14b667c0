"""JSON that somebody else wrote: read with bounds, so that nothing behind it has to expect what only an attacker sends.

What is read is finite, not deeper than `MAX_DEPTH`, its numbers fit into a float, and its text is text: half a character (a lone
surrogate, as clients send that cut a text inside an emoji) becomes U+FFFD, as JSON readers of other languages have it.
"""

from __future__ import annotations

import re
from typing import Any, cast

from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain import strict_json
from advanced_workflow.workflows.plain.strict_json import MAX_DEPTH, Found, Misfit, misfits
from advanced_workflow.workflows.plain.text import encodable

_SUSPICIOUS = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"  # The first half of a character without the second.
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F]"  # The second without the first.
    r"|(?<=\d)[eE]\+?\d{3,}(?=[\s,\]}]|$)"  # A number with a large exponent.
    r"|(?<!\d)\d{309}"  # A number with more digits than a float can hold.
)
"""Text without any of these, and with few brackets, needs no second look."""
_HALVES = (Misfit.LONE_SURROGATE, Misfit.LONE_SURROGATE_IN_KEY)


def read(data: bytes, what: str, *, deepest: int = MAX_DEPTH, whole: bool = True) -> Any:  # noqa: ANN401 - any JSON
    """Read JSON; `what` is how errors call it. With `whole` false half characters stay, for who refuses them by their place.

    Raises:
        DataInvalid: it is not JSON, deeper than `deepest`, or has a number that no float can hold.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise DataInvalid(f"{what} is not valid JSON ({error}).") from None
    value = strict_json.decode(text, what)
    if text.count("[") + text.count("{") <= deepest and _SUSPICIOUS.search(text) is None:
        return value
    halves = False
    for found in misfits(value, deepest):
        if found.misfit in _HALVES:
            halves = True
        elif found.misfit is not Misfit.BEYOND_64_BITS or not _fits_a_float(found.value):
            raise DataInvalid(_sentence(found, what))
    return _whole(value) if halves and whole else value


def _sentence(found: Found, what: str) -> str:
    if found.misfit is Misfit.BEYOND_64_BITS:
        return f"{what}{found.where}: the number is too large; pass a string instead."
    return f"{what}{found.where}: {found.reason}"


def _fits_a_float(number: object) -> bool:
    try:
        float(cast("int", number))
    except OverflowError:
        return False
    return True


def _whole(value: Any) -> Any:  # noqa: ANN401 - any JSON, no deeper than was checked
    match value:
        case str():
            return encodable(value)
        case dict():
            items = cast("dict[str, Any]", value).items()
            return {encodable(key): _whole(item) for key, item in items}
        case list():
            return [_whole(item) for item in cast("list[Any]", value)]
        case _:
            return value
