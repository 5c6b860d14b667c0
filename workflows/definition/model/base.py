"""What every part of a definition is made of: the base model, and the bounds of its numbers."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator

from advanced_workflow.workflows.definition.model.marked import marks_of
from advanced_workflow.workflows.definition.model.markers import Duration, JsonSchema, ShortForm


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


LONGEST_SECONDS = 315_360_000
"""Ten years."""
Seconds = Annotated[float, Field(gt=0, le=LONGEST_SECONDS, allow_inf_nan=False, strict=True), Duration()]
"""A duration in seconds: more than zero (`check` wants a millisecond at least, as the server counts), at most ten years."""


Count = Annotated[int, Field(ge=1, strict=True)]


Fraction = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, strict=True)]


Schema = Annotated[dict[str, JsonValue], JsonSchema()]
"""A JSON Schema (2020-12)."""
