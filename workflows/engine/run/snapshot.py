"""What a run carries on when it continues as new: packed, so that the server's limits hold as long as they can."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any, cast

from advanced_workflow.workflows.contract import Json, Prepared, UndoEntry, UndoOutcome
from advanced_workflow.workflows.engine.step.context import RunContext
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog
from advanced_workflow.workflows.errors import DataInvalid, StateTooLarge
from advanced_workflow.workflows.plain.strict_json import encode

CARRIED_LIMIT = 1 << 40
"""`packed` has seen to the size before it comes to sending."""
UNPACKED_LIMIT = 64 * 1024 * 1024
"""Bytes of a snapshot before it is packed; more would take a workflow task too long to write and to read."""
_FAST_FROM = 1024 * 1024
"""Bytes from which on a snapshot is packed in a third of the time, a little less tightly: a workflow task must not take long."""
FORMAT = "adw-1"


def packed(snapshot: Mapping[str, Json], limit: int) -> dict[str, Json]:
    """A snapshot as it is sent. Raises `StateTooLarge` where it is more than one payload may be, naming the largest part."""
    try:
        text = encode(snapshot, "what the run carries on")
    except DataInvalid as error:
        raise StateTooLarge(f"the run cannot continue as new: {error}") from None
    if len(text) > UNPACKED_LIMIT:
        raise StateTooLarge(_too_large(snapshot, f"{len(text):,} bytes and the limit is {UNPACKED_LIMIT:,}"))
    data = base64.b64encode(zlib.compress(text, 6 if len(text) < _FAST_FROM else 1)).decode()
    if len(data) > limit:
        raise StateTooLarge(_too_large(snapshot, f"{len(data):,} bytes packed and the limit is {limit:,}"))
    return {"format": FORMAT, "data": data}


def _too_large(snapshot: Mapping[str, Json], size: str) -> str:
    parts = {name: len(encode(value, name)) for name, value in snapshot.items()}
    largest = max(parts, key=lambda name: parts[name])
    return (
        f"the run cannot continue as new: what it carries on is {size} "
        f"(the largest part is {largest!r}, {parts[largest]:,} bytes); configure external storage (ADW_STORAGE), or keep less."
    )


def earlier_part(carried: Json) -> dict[str, Json] | None:
    """The snapshot of `packed`; None in a run's first history. Raises `DataInvalid` for anything else."""
    if carried is None:
        return None
    parts = cast("dict[str, Any]", carried) if isinstance(carried, dict) else {}
    try:
        if parts.get("format") == FORMAT:
            snapshot = json.loads(_unpacked(base64.b64decode(parts["data"])))
            if isinstance(snapshot, dict):
                return cast("dict[str, Json]", snapshot)
    except (KeyError, TypeError, ValueError, RecursionError, zlib.error):
        pass
    raise DataInvalid("the last argument is kept for runs that continue as new; leave it out.")


def _unpacked(data: bytes) -> bytes:
    # 1 MB may unpack to 1 GB: never more than the limit is made of it.
    unpacking = zlib.decompressobj()
    text = unpacking.decompress(data, UNPACKED_LIMIT)
    if not unpacking.eof:
        raise ValueError("it is cut, or unpacks to more than a run carries on")
    return text


def take(run: RunContext) -> dict[str, Json]:
    """The parts of a run's state that its services hold."""
    return {
        # Defaults too: another release may have others, and the run keeps those it began with.
        "prepared": run.prepared.model_dump(mode="json", exclude_none=True),
        "state": run.state.dump(),
        "undo": run.saga.log.dump(),
        "undo_failed": run.saga.failed.dump(),
        "undo_entries": [
            one.model_dump(mode="json", exclude_defaults=True) for one in (*run.saga.entries, *run.saga.kept.values())
        ],
        "undo_counts": {outcome.value: count for outcome, count in run.saga.counts.items() if count},
        "undone_by_itself": run.saga.by_itself,
        **({"undone_again": run.saga.undone} if run.saga.undone else {}),
        "approvals": run.approvals.dump(),
        "events": run.events.dump(),
        "operations": run.operations.dump(),
        "shown": list(run.display.shown),
        "telemetry": run.telemetry.dump(),
    }


def give(run: RunContext, snapshot: Mapping[str, Json]) -> None:
    """Put a snapshot into the services of a run that continues; its undo log is there already, as the frames refer to it."""
    run.state.load(snapshot["state"])
    if "undo_failed" in snapshot:  # Release 0.1.0 did not keep it.
        run.saga.failed = UndoLog.load(snapshot["undo_failed"])
    for entry in (UndoEntry.model_validate(one) for one in snapshot["undo_entries"]):
        if entry.outcome is UndoOutcome.KEPT:
            run.saga.keep(entry)
        else:
            run.saga.entries.append(entry)
    run.saga.by_itself = snapshot.get("undone_by_itself", 0)
    run.saga.undone = dict(snapshot.get("undone_again", {}))
    run.saga.counts.update({UndoOutcome(outcome): count for outcome, count in snapshot["undo_counts"].items()})
    run.approvals.load(snapshot["approvals"])
    run.events.load(snapshot["events"])
    run.operations.load(snapshot["operations"])
    run.display.shown = tuple(snapshot["shown"])
    for record in run.state.records.values():
        run.locks.take_up(record)


def prepared_of(snapshot: Mapping[str, Json]) -> Prepared:
    """What the first history pinned."""
    return Prepared.model_validate(snapshot["prepared"])


def undo_log_of(snapshot: Mapping[str, Json]) -> UndoLog:
    """What may have to be undone."""
    return UndoLog.load(snapshot["undo"])
