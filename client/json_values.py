"""Refusing values that are not JSON before they leave this process."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import cast

from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES
from advanced_workflow.workflows.errors import DataInvalid, PayloadTooLarge


def require_json(value: object, place: str, limit: int = PAYLOAD_LIMIT_BYTES) -> None:
    """Check that `value` is JSON of at most `limit` bytes; `place` is how errors call it.

    Raises:
        DataInvalid: bytes, NaN, an infinity, a key that is not a string, or any other object.
        PayloadTooLarge: more than `limit`; see `advanced_workflow.client.storage.payload_limit`.
    """
    problem = next(_problems(value, place), None)
    if problem:
        raise DataInvalid(problem)
    size = len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode())
    if size > limit:
        more = "configure ADW_STORAGE" if limit == PAYLOAD_LIMIT_BYTES else "raise ADW_PAYLOAD_LIMIT"
        raise PayloadTooLarge(
            f"{place}: {size:,} bytes are more than the {limit:,} a value may have here; {more}, or pass a reference."
        )


def _problems(value: object, place: str) -> Iterator[str]:
    remaining = [(value, place, 0)]
    while remaining:
        current, where, depth = remaining.pop()
        if depth > 100:
            yield f"{place}: it is nested more than 100 deep; pass flatter data."
        elif isinstance(current, dict):
            for key, item in cast("dict[object, object]", current).items():
                if not isinstance(key, str):
                    yield f"{where}: key {key!r} is not a string; JSON has string keys only."
                remaining.append((item, f"{where}.{key}", depth + 1))
        elif isinstance(current, list):
            items = cast("list[object]", current)
            remaining.extend((item, f"{where}[{index}]", depth + 1) for index, item in enumerate(items))
        elif problem := _scalar_problem(current):
            yield f"{where}: {problem}"


def _scalar_problem(value: object) -> str | None:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not JSON; pass null or a string instead."
    if isinstance(value, str):
        return None if value.isascii() or _encodes(value) else "the text has a lone surrogate; JSON cannot hold it."
    if value is None or isinstance(value, bool | int | float):
        return None
    return f"{type(value).__name__} is not JSON; pass objects, lists, strings, numbers, booleans or null."


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
