"""Values that should be JSON and may not be, such as the details of an error: kept where they are, described where they are not."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

from advanced_workflow.workflows.plain.strict_json import MAX_DEPTH, Misfit, misfits
from advanced_workflow.workflows.plain.text import encodable, for_people

_LONGEST_DESCRIPTION = 200
"""Characters."""


def as_json(value: object) -> Any:  # noqa: ANN401 - any JSON
    """The value itself where it is JSON for everybody; otherwise one in which text says what stood in a place that is not."""
    strange = any(found.misfit is not Misfit.BEYOND_64_BITS for found in misfits(value))
    return _as_json(value, 0) if strange else value


def _as_json(value: object, depth: int) -> Any:  # noqa: ANN401 - see above
    match value:
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case str():
            return encodable(value)
        case Mapping() | list() | tuple() if depth >= MAX_DEPTH:
            return "..."
        case Mapping():
            items = cast("Mapping[object, object]", value).items()
            return {encodable(str(key)): _as_json(item, depth + 1) for key, item in items}
        case list() | tuple():
            return [_as_json(item, depth + 1) for item in cast("list[object]", value)]
        case _:
            return for_people(_text(value), _LONGEST_DESCRIPTION)


def _text(value: object) -> str:
    try:
        return repr(value)
    except Exception:
        return type(value).__name__
