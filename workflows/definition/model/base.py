"""What every part of a definition is made of: the base model, and the bounds of its numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

from advanced_workflow.workflows.definition.model.marked import marks_of
from advanced_workflow.workflows.definition.model.markers import Duration, JsonSchema, ShortForm
from advanced_workflow.workflows.definition.model.results import LONGEST_SECONDS
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


SPAN_FIX = "Write seconds, a duration such as '90s' or '1h30m', or an expression that gives one of these."

_Number = Annotated[float, Field(gt=0, le=LONGEST_SECONDS, allow_inf_nan=False, strict=True)]
_Text = Annotated[str, Field(pattern=PATTERN)]
Seconds = Annotated[_Number, BeforeValidator(_seconds, json_schema_input_type=_Number | _Text), Duration()]
"""A duration: seconds, or text such as `90s`, `1h30m` or `PT90S`, which is read as seconds. More than zero (`check` wants a millisecond
at least, as the server counts), at most ten years."""

SecondsOrExpression = Annotated[_Number | str, BeforeValidator(_seconds_or_expression), Duration()]
"""The same, or an expression that gives one; text that is like a duration is never an expression."""


Count = Annotated[int, Field(ge=1, strict=True)]


Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]


Schema = Annotated[dict[str, JsonValue], JsonSchema()]
"""A JSON Schema (2020-12)."""
