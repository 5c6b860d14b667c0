"""What a definition says to a model: only what cannot change where the request goes, or as whom."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from advanced_workflow.workflows.definition.model.base import Count, DefinitionModel, Fraction

_Penalty = Annotated[float, Field(ge=-2, le=2, strict=True)]


class ModelSettings(DefinitionModel):
    """How a model answers. A provider refuses what its model does not know."""

    temperature: Annotated[float, Field(ge=0, le=2, strict=True)] | None = None
    top_p: Fraction | None = None
    max_tokens: Count | None = None
    """Longest answer, in tokens."""
    stop: tuple[str, ...] | None = None
    """Texts that end an answer."""
    seed: Annotated[int, Field(strict=True)] | None = None
    presence_penalty: _Penalty | None = None
    frequency_penalty: _Penalty | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high"] | None = None
