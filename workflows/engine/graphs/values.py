"""From what user code holds to JSON: models and messages as what they say, without the ids that LangChain makes at random."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any, cast

from pydantic import BaseModel

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain.strict_json import MAX_DEPTH, require_json

_OF_A_MESSAGE = ("type", "content", "name", "tool_calls", "tool_call_id")


def as_json(value: object, what: str) -> Json:
    """JSON of a value; `what` names it. Raises `DataInvalid` for what has none, as text with a lone surrogate or NaN."""
    made = _plain(value, what, 0)
    require_json(made, what)
    return made


def _plain(value: object, what: str, depth: int) -> Json:
    if depth > MAX_DEPTH:
        raise DataInvalid(f"{what} is nested more than {MAX_DEPTH} levels deep; pass flatter data.")
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, BaseModel):
        value = _of_model(value)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {
            _name(name, what): _plain(one, f"{what}.{name}", depth + 1)
            for name, one in cast("Mapping[object, Any]", value).items()
        }
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return [_plain(one, f"{what}[{number}]", depth + 1) for number, one in enumerate(cast("Sequence[Any]", value))]
    raise DataInvalid(f"{what} is a {type(value).__name__}, which is not JSON; give plain values.")


def _name(name: object, what: str) -> str:
    if not isinstance(name, str):
        raise DataInvalid(f"{what} has the key {name!r}, and JSON has text as keys only.")
    return name


def _of_model(value: BaseModel) -> dict[str, Any]:
    if type(value).__module__.startswith("langchain_core.messages"):
        return {name: said for name in _OF_A_MESSAGE if (said := getattr(value, name, None))}
    return {name: getattr(value, name) for name in type(value).model_fields}
