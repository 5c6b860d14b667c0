"""The spans of a run: ids that come out the same when it replays, and the header that carries them to actions.

A span goes out when it ends, through a function of the worker; this module knows nothing of OpenTelemetry. A workflow task
that is tried again tells the same spans again under the same ids.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, cast

from temporalio import workflow
from temporalio.api.common.v1 import Payload

TRACE_HEADER = "_tracer-data"
"""Header with the W3C trace context as JSON; the SDKs of all languages use this name, so a trace continues in other workers."""
RECORD_SPAN = "adw_record_span"
"""Extern function of a worker that traces: takes a `FinishedSpan`."""
IS_SAMPLED = "adw_is_sampled"
"""Extern function of a worker that traces: takes the id of a trace that begins with the run."""

_TRACEPARENT = re.compile("[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_SAMPLED = 1

Attributes = Mapping[str, str | int | float]
Event = tuple[str, int, Attributes]
"""Name, time and attributes of what happened within a span."""


@dataclass(frozen=True, slots=True)
class FinishedSpan:
    """One span. Ids are hexadecimal; times are nanoseconds since 1970."""

    name: str
    trace_id: str
    span_id: str
    parent_id: str | None
    start: int
    end: int
    attributes: Attributes
    error: str | None
    """Type of the failure. Never its message: that may hold data of the run."""
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class _OpenSpan:
    name: str
    span_id: str
    parent_id: str | None
    start: int
    events: list[Event] = field(default_factory=list[Event])


_PARTS = len(fields(_OpenSpan))
"""What a later release adds comes after these."""


@dataclass(slots=True)
class Trace:
    """The open spans of one run, by key: a step's path, an undo action's id, and the run itself under the empty key."""

    trace_id: str
    carrier: Mapping[str, Any]
    """What came with the run beside its `traceparent`, handed on as it is."""
    opened: dict[str, _OpenSpan] = field(default_factory=dict[str, _OpenSpan])
    count: int = 0
    """Spans opened so far: a step may run again, and its span then has another id."""

    def open(self, key: str, name: str, start: int, parent: str | None) -> None:
        """Begin a span below the one with the key `parent`, or below the run where that is not open."""
        above = self.opened.get(parent or "") or self.opened[""]
        self._open(key, name, start, above.span_id)

    def open_run(self, name: str, start: int, parent_id: str | None) -> None:
        """Begin the run's own span."""
        self._open("", name, start, parent_id)

    def close(self, key: str, end: int, attributes: Attributes, error: str | None) -> None:
        """End a span, and tell it unless the run replays. One that is not open has been told already."""
        span = self.opened.pop(key, None)
        if span is None or workflow.unsafe.is_replaying():
            return
        info = workflow.info()
        ids = {"temporalWorkflowID": info.workflow_id, "temporalRunID": info.run_id}
        finished = FinishedSpan(
            span.name,
            self.trace_id,
            span.span_id,
            span.parent_id,
            span.start,
            end,
            {**ids, **attributes},
            error,
            tuple(span.events),
        )
        extern_functions()[RECORD_SPAN](finished)

    def add_event(self, key: str, name: str, time: int, attributes: Attributes) -> None:
        """Note what happens within an open span; it is told with it."""
        span = self.opened.get(key)
        if span is not None:
            span.events.append((name, time, attributes))

    def header(self, key: str) -> Payload | None:
        """The header of an activity whose span has this key."""
        span = self.opened.get(key)
        if span is None:
            return None
        carrier = {**self.carrier, "traceparent": f"00-{self.trace_id}-{span.span_id}-0{_SAMPLED}"}
        return Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(carrier).encode())

    def dump(self) -> dict[str, Any]:
        """As plain data, open spans included."""
        opened = {
            key: [
                one.name,
                one.span_id,
                one.parent_id,
                one.start,
                *([list(map(list, one.events))] if one.events else []),
            ]
            for key, one in self.opened.items()
        }
        return {"trace_id": self.trace_id, "carrier": dict(self.carrier), "opened": opened, "count": self.count}

    @staticmethod
    def load(data: Mapping[str, Any]) -> Trace:
        """The trace of `dump`."""
        opened = {key: _OpenSpan(*one[:_PARTS]) for key, one in data["opened"].items()}
        return Trace(data["trace_id"], data["carrier"], opened, data["count"])

    def _open(self, key: str, name: str, start: int, parent_id: str | None) -> None:
        self.count += 1
        span_id = _hash(f"{workflow.info().run_id}/{key}/{self.count}", 16)
        self.opened[key] = _OpenSpan(name, span_id, parent_id, start)


def begin_trace(name: str) -> Trace | None:
    """The trace of the current run, its own span open; None where the worker does not trace or this trace is not sampled.

    It continues the caller's trace when the run was started with one, and begins a trace otherwise.
    """
    functions = extern_functions()
    if RECORD_SPAN not in functions:
        return None
    info = workflow.info()
    carrier = _carrier(info.headers.get(TRACE_HEADER))
    parent = _TRACEPARENT.fullmatch(str(carrier.get("traceparent")))
    if parent is None:
        trace_id, parent_id = _hash(info.first_execution_run_id, 32), None
        sampled: bool = functions[IS_SAMPLED](trace_id)
    else:
        trace_id, parent_id, flags = parent.groups()
        sampled = bool(int(flags, 16) & _SAMPLED)
    if not sampled:
        return None
    trace = Trace(trace_id, carrier)
    trace.open_run(name, int(info.workflow_start_time.timestamp() * 1_000_000) * 1000, parent_id)
    return trace


def take_up_trace(data: Mapping[str, Any] | None) -> Trace | None:
    """The trace of a run that continued as new; None where it had none, or where this worker does not trace."""
    return Trace.load(data) if data is not None and RECORD_SPAN in extern_functions() else None


def extern_functions() -> Mapping[str, Callable[..., Any]]:
    """What the worker's interceptors offer to runs."""
    functions = workflow.extern_functions()  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return cast("Mapping[str, Callable[..., Any]]", functions)


def _carrier(header: Payload | None) -> dict[str, Any]:
    """What the header holds; a header of another shape must not harm the run, so it counts as none."""
    if header is None:
        return {}
    try:
        carrier: Any = json.loads(header.data)
    except ValueError:
        return {}
    return cast("dict[str, Any]", carrier) if isinstance(carrier, dict) else {}


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]
