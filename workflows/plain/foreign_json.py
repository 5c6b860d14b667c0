"""JSON that somebody else wrote: read with bounds, so that nothing behind it has to expect what only an attacker sends.

What is read is finite, not deeper than `MAX_DEPTH`, its numbers fit into a float, and its text is text: half a character (a lone
surrogate, as clients send that cut a text inside an emoji) becomes U+FFFD, as JSON readers of other languages have it.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain import strict_json
from advanced_workflow.workflows.plain.strict_json import MAX_DEPTH, Found, Misfit, is_deeper, misfits
from advanced_workflow.workflows.plain.text import encodable

_PAIR = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")
_HALF = re.compile(r"\\u[dD][89a-fA-F]")
_DIGITS = bytes.maketrans(b"123456789E", b"000000000e")
_EXPONENT = re.compile(rb"0e\+?000")
"""A number with a large exponent, or text that looks like one; of digits as zeros."""
_MANY_DIGITS = b"0" * 309
"""A number with more digits than a float can hold, or such text."""
_HALVES = (Misfit.LONE_SURROGATE, Misfit.LONE_SURROGATE_IN_KEY)
_TOLD_PARTS = 50_000
"""A value with more is not looked through for the place of what is wrong in it."""


def read(data: bytes, what: str, *, deepest: int = MAX_DEPTH, whole: bool = True) -> Any:  # noqa: ANN401 - any JSON
    """Read JSON; `what` is how errors call it. With `whole` false half characters stay, for who refuses them by their place.

    Two megabytes of ordinary objects are read in a tenth of a second, the most awkward shape in a quarter (for the parser alone takes that):
    nothing is looked at one by one unless something is wrong.

    Raises:
        DataInvalid: it is not JSON, deeper than `deepest`, or has a number that no float can hold.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise DataInvalid(f"{what} is not valid JSON ({error}).") from None
    value = strict_json.decode(text, what)
    deep = text.count("[") + text.count("{") > deepest and is_deeper(value, deepest)
    if deep or (_has_strange_number(data) and not _all_fit_a_float(text)):
        raise DataInvalid(_refusal(value, what, deepest, deep=deep))
    return _whole(value) if whole and _has_half(text) else value


def _has_half(text: str) -> bool:
    """Whether half a character may be in it: an escape of one that is not part of a pair."""
    return "\\u" in text and len(_HALF.findall(text)) != 2 * len(_PAIR.findall(text))


def _has_strange_number(data: bytes) -> bool:
    plain = data.translate(_DIGITS)
    return _EXPONENT.search(plain) is not None or _MANY_DIGITS in plain


def _all_fit_a_float(text: str) -> bool:
    try:
        json.dumps(json.loads(text, parse_int=float), allow_nan=False)
    except ValueError:
        return False
    return True


def _refusal(value: object, what: str, deepest: int, *, deep: bool) -> str:
    """What is wrong, and where unless the value is too large to be looked through."""
    if strict_json.is_small(value, _TOLD_PARTS):
        for found in misfits(value, deepest):
            beyond = found.misfit is Misfit.BEYOND_64_BITS
            if found.misfit not in _HALVES and not (beyond and _fits_a_float(found.value)):
                return _sentence(found, what)
    return f"{what}: {Misfit.TOO_DEEP.value if deep else 'a number in it is too large; pass a string instead.'}"


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
    return json.loads(encodable(json.dumps(value, ensure_ascii=False)))
