"""What everything on the wire is made of."""

from __future__ import annotations

from typing import Any, TypeAlias

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

Json: TypeAlias = Any
"""Any JSON value, where naming its shape would say nothing."""


class WireModel(BaseModel):
    """Base of everything that one part of this project writes and another reads.

    Workers and clients of two releases run side by side while one follows the other: a field that a newer one added is ignored, and
    every field that is added has a default.
    """

    # Not `use_attribute_docstrings`: nobody reads them, and it parses the source of each model whenever a command starts.
    # What is no JSON is refused where it is sent, and not made null.
    model_config = ConfigDict(extra="ignore", ser_json_inf_nan="constants")


class UserModel(WireModel):
    """Base of what people write: there an unknown field is a mistake, and an error.

    So only what was said is ever written, never a default: of a field that a later release adds, the one before refuses only the messages
    that use it.
    """

    model_config = ConfigDict(extra="forbid")

    @model_serializer(mode="wrap")
    def _as_said(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = write(self)
        fields = type(self).model_fields
        for name in written.keys() & fields.keys():
            if not fields[name].is_required() and getattr(self, name) == fields[name].get_default(
                call_default_factory=True
            ):
                del written[name]
        return written
