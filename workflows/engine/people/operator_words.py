"""What an operator's words must be to be kept: somebody says them, with a reason, and they are not too long.

The run keeps them, and takes them along to each new history: without bounds they would end it.
"""

from __future__ import annotations

from collections.abc import Iterable

from advanced_workflow.workflows.contract import Json, OperatorRequest
from advanced_workflow.workflows.engine.temporal.patches import Patch, patched
from advanced_workflow.workflows.errors import InputInvalid, OperationRefused
from advanced_workflow.workflows.plain.names import same_name
from advanced_workflow.workflows.plain.strict_json import encode

MOST_BY, MOST_REASON = 200, 2_000
"""Characters of who does something, and of why."""
MOST_GIVEN_BYTES = 512 * 1024
"""Of all outputs together that were given for steps that have not begun."""


def require_sound(request: OperatorRequest) -> None:
    """Raise `InputInvalid` where nobody says it, where no reason is given, or where either is too long."""
    if not patched(Patch.RULES_2):
        return
    for name, text, most in (("by", request.by, MOST_BY), ("reason", request.reason, MOST_REASON)):
        if not same_name(text):
            raise InputInvalid(f"{name!r} has no character that can be seen; say who does it, and why.")
        if len(text) > most:
            raise InputInvalid(f"{name!r} has {len(text):,} characters and {most:,} are kept; say it in fewer.")


def require_room(path: str, output: Json, given: Iterable[Json]) -> None:
    """Raise `OperationRefused` where there is no room for the output of a step that has not begun beside those `given` before.

    It is kept until the step's turn comes, in whatever history that is.
    """
    size = sum(len(encode(one, "the output")) for one in (output, *given))
    if size > MOST_GIVEN_BYTES and patched(Patch.RULES_2):
        raise OperationRefused(
            f"{path!r} has not begun, and outputs given for such steps may have {MOST_GIVEN_BYTES:,} bytes together, "
            f"not {size:,}; give a shorter one, or give it when the step waits or holds the run."
        )
