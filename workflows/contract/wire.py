"""What everything on the wire is made of."""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict

Json: TypeAlias = Any
"""Any JSON value, where naming its shape would say nothing."""


class WireModel(BaseModel):
    """Base of everything that one part of this project writes and another reads.

    Workers and clients of two releases run side by side while one follows the other: a field that a newer one added is ignored, and
    every field that is added has a default.
    """

    model_config = ConfigDict(extra="ignore", use_attribute_docstrings=True)


class UserModel(WireModel):
    """Base of what people write: there an unknown field is a mistake, and an error."""

    model_config = ConfigDict(extra="forbid")
