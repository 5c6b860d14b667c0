"""Durations as text: `90s`, `1h30m`, `250ms`, and those of ISO 8601 that have a fixed length."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

_SECONDS: Final = {
    "w": Decimal(604_800),
    "d": Decimal(86_400),
    "h": Decimal(3_600),
    "m": Decimal(60),
    "s": Decimal(1),
    "ms": Decimal("0.001"),
}
"""Of each unit, the longest first."""
_LONGEST: Final = 60
"""Characters of a text that is read."""
_NUMBER: Final = r"\d{1,12}(?:\.\d{1,9})?"
_PLAIN: Final = re.compile("".join(rf"(?:({_NUMBER}){unit})?" for unit in _SECONDS), re.ASCII)
_ISO_DATE: Final = rf"(?:({_NUMBER})W)?(?:({_NUMBER})D)?"
_ISO: Final = re.compile(
    rf"P{_ISO_DATE}(?:T(?=\d)(?:({_NUMBER})H)?(?:({_NUMBER})M)?(?:({_NUMBER})S)?)?".replace(r"\.", "[.,]"), re.ASCII
)
_NO_FIXED_LENGTH: Final = re.compile(r"P(?:[\d.,]+[YMWD])*?[\d.,]+[YM]", re.ASCII)
PATTERN: Final = r"^([0-9]+(\.[0-9]+)?(ms|[wdhms]))+$|^P([0-9]+([.,][0-9]+)?[WD])*(T([0-9]+([.,][0-9]+)?[HMS])+)?$"
"""What a duration looks like, for editors."""
_LIKE_ONE: Final = re.compile(r"\s*[+-]?(?:P(?=[T\d]).*|[\d.,:]+\s*[a-zA-Zµ]+[\d\sa-zA-Z.,µ]*|\d+(?::\d+)+)", re.ASCII)
_NUMERAL: Final = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|[\d.]+(?:[eE][+-]?\d+)?)u?", re.ASCII)
_RIGHT: Final = (
    "write '90s', '2h', '1h30m', '250ms' or '5d' (units w d h m s ms, the longest first), or ISO 8601 such as 'PT90S'"
)


def duration_seconds(text: str) -> float:
    """Read a duration as seconds. Raises ValueError with one sentence that shows what is right."""
    if len(text) > _LONGEST:
        raise ValueError(f"it is no duration; {_RIGHT}")
    found = _PLAIN.fullmatch(text) or _ISO.fullmatch(text)
    if found is not None and any(found.groups()):
        counts = (Decimal((one or "0").replace(",", ".")) for one in found.groups())
        return float(sum(count * unit for count, unit in zip(counts, _SECONDS.values(), strict=False)))
    if _NUMERAL.fullmatch(text):
        raise ValueError(f"a text needs a unit; write '{text[:20]}s', or the number of seconds without quotes")
    if _NO_FIXED_LENGTH.match(text):
        raise ValueError("years and months have no fixed length; write days, such as 'P30D'")
    raise ValueError(f"it is no duration; {_RIGHT}")


def is_like_duration(text: str) -> bool:
    """Whether a text can only be meant as a duration, right or wrong: as an expression it would be no number."""
    return len(text) <= _LONGEST and _LIKE_ONE.fullmatch(text) is not None and not _NUMERAL.fullmatch(text.strip())
