"""What every part of a definition is made of: the base model, and the bounds of its numbers."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, PlainSerializer, model_validator
from pydantic_core import PydanticCustomError

from advanced_workflow.workflows.definition.model.marked import marks_of
from advanced_workflow.workflows.definition.model.markers import NUMBER, SPAN, Duration, JsonSchema, Pinned, ShortForm
from advanced_workflow.workflows.definition.model.results import LONGEST_SECONDS, read_count, read_span
from advanced_workflow.workflows.plain.durations import PATTERN, duration_seconds, is_like_duration


class DefinitionModel(BaseModel):
    """Base of all definition parts: immutable, and unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class ShortFormed(DefinitionModel):
    """A part that may be written as a bare string, which is then the field marked with `ShortForm`."""

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, data: object) -> object:
        if not isinstance(data, str):
            return data
        return dict.fromkeys(marks_of(cls, ShortForm), data)


def _seconds(value: object) -> object:
    """A duration that is written as text, in seconds."""
    if not isinstance(value, str):
        return value
    try:
        return duration_seconds(value)
    except ValueError as error:
        raise PydanticCustomError("duration", str(error)) from None  # pyright: ignore[reportArgumentType] - any text is good


def _seconds_or_expression(value: object) -> object:
    """The same where other text is an expression."""
    return _seconds(value) if isinstance(value, str) and is_like_duration(value) else value


def _as_it_is(value: object) -> object:
    """A default is no float, which one of several types must be to be written without a warning."""
    return value


_Number = Annotated[float, Field(gt=0, le=LONGEST_SECONDS, allow_inf_nan=False, strict=True)]
_Text = Annotated[str, Field(pattern=PATTERN)]
Seconds = Annotated[_Number, BeforeValidator(_seconds, json_schema_input_type=_Number | _Text), Duration()]
"""A duration: seconds, or text such as `90s`, `1h30m` or `PT90S`, which is read as seconds. More than zero (`check` wants a millisecond
at least, as the server counts), at most ten years."""

SPAN_FIX: Final = "Write seconds, a duration such as '90s' or '1h30m', or an expression that gives one of these."
WrittenSeconds = Annotated[
    _Number | str, BeforeValidator(_seconds_or_expression), PlainSerializer(_as_it_is), Duration()
]
"""The same, or an expression; text that is like a duration is never one."""

SecondsOrExpression = Annotated[WrittenSeconds, Pinned(gives=SPAN, reads=read_span, fix=SPAN_FIX)]
"""A duration, or an expression that gives one when the step starts."""


Count = Annotated[int, Field(ge=1, strict=True)]

CountOrExpression = Annotated[
    Count | str,
    Pinned(gives=NUMBER, reads=read_count, fix="Write a whole number from 1, or an expression that gives one."),
]


Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]


Schema = Annotated[dict[str, JsonValue], JsonSchema()]
"""A JSON Schema (2020-12)."""
