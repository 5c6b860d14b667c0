"""From what an action returns to plain JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from pydantic import JsonValue, TypeAdapter
from pydantic_core import PydanticSerializationError

from advanced_workflow.activities.action.parameters import adapter_for, schema_of, type_hints
from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES
from advanced_workflow.workflows.definition.model.base import Schema
from advanced_workflow.workflows.errors import DataInvalid, PayloadTooLarge
from advanced_workflow.workflows.plain.strict_json import encode, require_json


class ActionResult:
    """How an action's result becomes JSON; made once, when the function is decorated."""

    def __init__(self, action: str, function: Callable[..., object]) -> None:
        """Read the return annotation; without one the value is taken as it is."""
        hints = type_hints(action, function)
        self._action = action
        self._known = "return" in hints
        self._adapter: TypeAdapter[Any] = adapter_for(action, "result", hints.get("return", Any))

    def plain_json(self, value: object, limit: int = PAYLOAD_LIMIT_BYTES) -> JsonValue:
        """Give the JSON form; raises `DataInvalid` where there is none and `PayloadTooLarge` above `limit` bytes.

        The function has run by then: to the run, the outcome of a step that fails so is unknown, not failed.
        """
        try:
            require_json(self._adapter.dump_python(value, by_alias=True, warnings="error"), "result", converted=True)
            plain = cast("JsonValue", self._adapter.dump_python(value, mode="json", by_alias=True, warnings="error"))
            size = len(encode(plain, "the result"))
        except PydanticSerializationError:
            kind = type(value).__name__
            raise DataInvalid(
                f"action {self._action!r}: the result, a {kind}, does not fit its return annotation or is not JSON."
            ) from None  # The cause would show the value.
        except (DataInvalid, ValueError) as error:
            raise DataInvalid(f"action {self._action!r}: {error}") from None
        if size > limit:
            raise PayloadTooLarge(
                f"action {self._action!r}: the result is {size:,} bytes of JSON and the limit is {limit:,}; "
                "store it and return a reference."
            )
        return plain

    def schema(self) -> Schema | None:
        """JSON Schema of the result; None where the function has no return annotation."""
        return schema_of(self._adapter, "serialization") if self._known else None
