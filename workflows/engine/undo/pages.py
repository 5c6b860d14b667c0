"""Ended passes packed into pages of text."""

from __future__ import annotations

import base64
import json
import lzma
import zlib

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.plain.strict_json import encode

_LARGE_PAGE_BYTES = 512 * 1024
"""From here on a page is packed by the faster method: a workflow task must not take two seconds."""
_TIGHT, _FAST = "x", "z"


def packed(value: Json) -> str:
    """JSON as text, tighter the smaller it is."""
    data = encode(value, "what may have to be undone", sort_keys=False)
    if len(data) < _LARGE_PAGE_BYTES:
        return _TIGHT + base64.b85encode(lzma.compress(data, lzma.FORMAT_ALONE, preset=4)).decode()
    return _FAST + base64.b85encode(zlib.compress(data, 9)).decode()


def unpacked(text: str) -> Json:
    """The value of `packed`."""
    data = base64.b85decode(text[1:])
    return json.loads(lzma.decompress(data) if text.startswith(_TIGHT) else zlib.decompress(data))
