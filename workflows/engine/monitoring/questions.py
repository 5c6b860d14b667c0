"""What a live run waits for people and partners to say, with what they send: for the current details in the Web UI."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from advanced_workflow.workflows.contract import SIGNAL_EVENT, UPDATE_DECIDE, Json, PendingApproval
from advanced_workflow.workflows.definition.kinds.human_approval import GROUP_PREFIX
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.plain.names import same_name
from advanced_workflow.workflows.plain.text import for_people, markdown, visible_json

MAX_SHOWN = 5
"""Approvals, and events, that are shown; the others are counted."""
APPROVALS_BYTES = 64 * 1024
"""Of their subjects and forms."""
_MOST_CHARACTERS = 2_000
"""Of a subject, or of a form."""
_MOST_FIELDS = 50
_LONGEST_PROMPT = 1_000
_LONGEST_NAMES = 300
YOUR_NAME = "YOUR NAME"
SIGN_IT = "SIGNED BY YOUR SERVICE"
_EXAMPLES: Mapping[str, Json] = {
    "string": "...",
    "integer": 0,
    "number": 0,
    "boolean": True,
    "array": [],
    "object": {},
    "null": None,
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What people are asked now."""

    first: Sequence[PendingApproval] = ()
    """No more than `MAX_SHOWN`."""
    count: int = 0
    started_by: str | None = None
    """Who may not decide, as a rule."""


NOBODY = Asked()


def questions(asked: Asked) -> list[str]:
    """Markdown of the first approvals that people are asked for; nothing where there are none."""
    lines = [line for one in asked.first for line in _question(one, asked.started_by)]
    if (more := asked.count - len(asked.first)) > 0:
        lines += [f"… and {more} more approvals: query `pending_approvals`, or `adw show`.", ""]
    return lines


def expected_events(waiting: Iterable[Record]) -> list[str]:
    """Markdown of the first events that steps wait for, of all that wait."""
    names: dict[str, str] = {}
    for one in waiting:
        wait = one.plan.step.wait
        if wait is not None and wait.event is not None and one.waiting_for is not None:
            names.setdefault(wait.event, one.path)
    lines: list[str] = []
    for name, path in list(names.items())[:MAX_SHOWN]:
        said: Json = {"event": name, "data": {}}
        lines += [f"**{markdown(path)}** waits for an event; signal `{SIGNAL_EVENT}` with:", *_json(said), ""]
    if len(names) > MAX_SHOWN:
        lines += [f"… and {len(names) - MAX_SHOWN} more events.", ""]
    return lines


def _question(asked: PendingApproval, started_by: str | None) -> Iterator[str]:
    name, prompt = (
        markdown(for_people(text, most))
        for text, most in ((asked.name, _LONGEST_NAMES), (asked.prompt, _LONGEST_PROMPT))
    )
    yield f"**{name}** (`{asked.path}`) asks{f': {prompt}' if prompt else ' for approval'}"
    yield ""
    people = for_people(", ".join(asked.approvers), _LONGEST_NAMES) or "anybody"
    yield f"- of: {markdown(people)}; {len(asked.approvals)} of {asked.required} approved"
    yield f"- due: {asked.deadline}, then {asked.on_timeout}" if asked.deadline else "- no deadline"
    if asked.left_out:
        yield "- subject and form are too large to be shown here: `adw show`"
    elif asked.subject not in (None, {}):
        yield ""
        yield "Subject:"
        yield from _json(asked.subject)
    yield ""
    yield f"Update `{UPDATE_DECIDE}` with (or `reject`):"
    yield from _json(decision_on(asked, started_by))
    yield ""


def decision_on(asked: PendingApproval, started_by: str | None = None) -> dict[str, Json]:
    """What approves: ready to be sent where it names somebody, and the form asks for nothing."""
    decided = {same_name(one.approver) for one in asked.approvals} | {same_name(started_by or "")}
    people = [one for one in asked.approvers if not same_name(one).startswith(GROUP_PREFIX)]
    name = next((one for one in people if same_name(one) not in decided), YOUR_NAME)
    decision: dict[str, Json] = {
        "step_id": asked.path,
        "approver": for_people(name, _LONGEST_NAMES),
        "decision": "approve",
        "digest": asked.digest,
    }
    groups = [one for one in asked.approvers if one not in people]
    if name == YOUR_NAME and groups:
        decision["groups"] = [for_people(groups[0].partition(":")[2], _LONGEST_NAMES)]
    if asked.identity == "signed":
        decision["token"] = SIGN_IT
    if asked.form:
        decision["form"] = _example(asked.form)
    return decision


def _example(schema: Json) -> Json:
    """A value of the shape that a form has, to be filled in."""
    if not isinstance(schema, dict):
        return None
    known = cast("dict[str, Json]", schema)
    if "const" in known:
        return known["const"]
    if isinstance(known.get("enum"), list) and known["enum"]:
        return known["enum"][0]
    properties, kind = known.get("properties"), known.get("type")
    if isinstance(properties, dict):
        fields = cast("dict[str, Json]", properties)
        required = known.get("required")
        wanted = [one for one in fields if one in required] if isinstance(required, list) else list(fields)
        return {one: _example(fields[one]) for one in wanted[:_MOST_FIELDS]}
    return _EXAMPLES.get(kind) if isinstance(kind, str) else None


def _json(value: Json) -> Iterator[str]:
    """A block of code; no line of JSON can end it."""
    text = visible_json(json.dumps(value, indent=2, ensure_ascii=False))
    yield "```json"
    yield text if len(text) <= _MOST_CHARACTERS else for_people(json.dumps(value, ensure_ascii=False), _MOST_CHARACTERS)
    yield "```"
