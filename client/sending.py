"""What may leave this process for a run: plain JSON, of a size that the run's history or the storage takes."""

from __future__ import annotations

from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES
from advanced_workflow.workflows.errors import PayloadTooLarge
from advanced_workflow.workflows.plain.strict_json import encode, require_json


def require_sendable(value: object, place: str, limit: int = PAYLOAD_LIMIT_BYTES) -> None:
    """Check that `value` is JSON of at most `limit` bytes as Temporal writes it; `place` is how errors call it.

    Raises:
        DataInvalid: bytes, NaN, an infinity, a key that is not a string, or any other object.
        PayloadTooLarge: more than `limit`; see `advanced_workflow.client.storage.payload_limit`.
    """
    require_json(value, place)
    size = len(encode(value, place))
    if size > limit:
        more = "configure ADW_STORAGE" if limit == PAYLOAD_LIMIT_BYTES else "raise ADW_PAYLOAD_LIMIT"
        raise PayloadTooLarge(
            f"{place}: {size:,} bytes are more than the {limit:,} a value may have here; {more}, or pass a reference."
        )
