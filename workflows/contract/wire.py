"""What everything on the wire is made of."""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict

Json: TypeAlias = Any
"""Any JSON value, where naming its shape would say nothing."""


class WireModel(BaseModel):
    """Base of everything that crosses the wire."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)
