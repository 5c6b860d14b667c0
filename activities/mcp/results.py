"""From what an MCP tool gives to plain JSON that a model can read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from advanced_workflow.activities.agents.keys import Hidden
from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.errors import DataInvalid, PayloadTooLarge
from advanced_workflow.workflows.plain import foreign_json

if TYPE_CHECKING:
    from advanced_workflow.activities.mcp.sdk import types

_LONG = 100_000
"""Characters that are looked through in a thread: the worker's loop has other runs to serve."""


def text_of(result: types.CallToolResult) -> str:
    """What a result says in words."""
    return "\n".join(one.text for one in result.content if one.type == "text")


async def plain_result(result: types.CallToolResult, what: str, limit: int, hidden: Hidden) -> Json:
    """The structured content where there is some, else the text, else the parts: what is not text is named and left out.

    Raises:
        DataInvalid: it is not JSON.
        PayloadTooLarge: it is larger than `limit` bytes.
    """
    value = _value(result)
    text = json.dumps(value)
    if len(text) > limit:
        raise PayloadTooLarge(
            f"{what}: the result is {len(text):,} bytes of JSON and the limit is {limit:,}; ask it for less, or for a reference."
        )
    if len(text) < _LONG:
        return _read(text, what, hidden)
    return await asyncio.to_thread(_read, text, what, hidden)


def _read(text: str, what: str, hidden: Hidden) -> Json:
    try:
        return foreign_json.read(hidden.hide(text).encode(), "the result")
    except DataInvalid as error:
        raise DataInvalid(f"{what}: {error}") from None


def _value(result: types.CallToolResult) -> Any:  # noqa: ANN401 - any JSON
    others = [_part(one.model_dump(mode="json", exclude_none=True)) for one in result.content if one.type != "text"]
    if result.structured_content is not None:
        structured: Any = result.structured_content
        return {"result": structured, "content": others} if others else structured
    if not others:
        return text_of(result)
    return [_part(one.model_dump(mode="json", exclude_none=True)) for one in result.content]


def _part(block: Mapping[str, Any]) -> dict[str, Any]:
    """One part of a result without what no model is sent as text."""
    match block["type"]:
        case "text":
            return {"type": "text", "text": block["text"]}
        case "resource":
            return {"type": "resource", **_resource(block["resource"])}
        case "resource_link":
            return {name: block[name] for name in ("type", "uri", "name", "description", "mime_type") if name in block}
        case kind:  # An image, or sound.
            return {"type": kind, "mime_type": block.get("mime_type", ""), **_left_out(block.get("data", ""))}


def _resource(held: Mapping[str, Any]) -> dict[str, Any]:
    named = {name: held[name] for name in ("uri", "mime_type", "text") if name in held}
    return named if "text" in held else {**named, **_left_out(held.get("blob", ""))}


def _left_out(base64: str) -> dict[str, Any]:
    return {"bytes": len(base64.rstrip("=")) * 3 // 4, "left_out": True}
