"""What people are asked, decided and did, on the page of a run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, cast

from rich.console import Console
from rich.text import Text

from advanced_workflow.client.render.console import Lines
from advanced_workflow.client.render.layout import plain_table, print_commands, print_facts, print_title
from advanced_workflow.client.render.listing import print_table
from advanced_workflow.client.render.remedies import command
from advanced_workflow.client.render.times import due, moment, parse_time
from advanced_workflow.workflows.contract import (
    ORCHESTRATION_DECISION,
    WHO_DECIDED,
    AuditEntry,
    PendingApproval,
    RejectedDecision,
    RunState,
    StepState,
    WhoDecided,
)
from advanced_workflow.workflows.plain.names import same_name

GROUP = "group:"
SOMEBODY_ELSE = "SOMEBODY"
"""In a command line, for one who may decide where the one who reads it may not."""


def print_approval(console: Console, run_id: str, approval: PendingApproval, now: datetime, user: str) -> None:
    """One approval that the run waits for, the form to be filled, and the commands that decide it."""
    print_title(console, f"Waits for approval: {approval.name}")
    deadline = due(parse_time(approval.deadline), now)
    print_facts(
        console,
        {
            "step": approval.path,
            "question": Lines(approval.prompt) if approval.prompt else "",
            "asked": (", ".join(approval.approvers) or "anybody")
            + (f"; not {approval.not_by}, who started the run" if approval.not_by else ""),
            "since": moment(parse_time(approval.requested_at)),
            "approvals": f"{len(approval.approvals)} of {approval.required}",
            "so far": Lines("\n".join(_given(approval))) if approval.approvals else "",
            "deadline": f"{deadline}, then {approval.on_timeout}" if deadline else "",
            "subject": Lines(json.dumps(approval.subject, indent=2, ensure_ascii=False)) if approval.subject else "",
            "form": Lines("\n".join(form_lines(approval.form))) if approval.form else "",
            "digest": approval.digest,
            "identity": "signed: a decision needs a token of those who sign ('decide_step' with 'token')"
            if approval.identity == "signed"
            else "",
        },
    )
    print_commands(console, deciding(run_id, approval, user))


def deciding(run_id: str, approval: PendingApproval, user: str) -> list[tuple[str, str]]:
    """The command lines that decide it, ready to be typed but for what only people know; none where they would be refused."""
    if approval.identity == "signed":
        return []
    who = _acting(approval, user)
    form = ("--form", json.dumps(form_example(approval.form), ensure_ascii=False)) if approval.form else ()
    return [
        (command("approve", run_id, approval.path, *who, *form), ""),
        (command("reject", run_id, approval.path, *who, "--comment", "WHY"), ""),
    ]


def _acting(approval: PendingApproval, user: str) -> tuple[str, ...]:
    """For whom one who types decides, where the own name is not among those asked, or may not decide (again)."""
    cannot = {same_name(one) for one in (approval.not_by, *(said.approver for said in approval.approvals)) if one}
    groups = [one.removeprefix(GROUP) for one in approval.approvers if one.startswith(GROUP)]
    people = [one for one in approval.approvers if not one.startswith(GROUP)]
    in_group = ("--group", groups[0]) if groups else ()
    if same_name(user) not in cannot:
        if not approval.approvers or any(same_name(one) == same_name(user) for one in people):
            return ()
        if groups:
            return in_group
    another = next((one for one in people if same_name(one) not in cannot), None)
    return ("--as", another) if another else ("--as", SOMEBODY_ELSE, *in_group)


def _given(approval: PendingApproval) -> Iterable[str]:
    for one in approval.approvals:
        yield f"{one.approver}, {moment(parse_time(one.time))}" + (f": {one.comment}" if one.comment else "")


def form_lines(form: dict[str, Any]) -> list[str]:
    """The fields of a form: name, kind, whether it is required, and what it is about."""
    fields, required = _fields(form)
    width = max(map(len, fields), default=0)
    return [
        f"{name:<{width}}  {_kind(field)}{', required' if name in required else ''}{_about(field)}"
        for name, field in fields.items()
    ] or ([_kind(form)] if form else [])


def form_example(form: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """An answer with a place for each required field."""
    fields, required = _fields(form)
    if not fields and form.get("type") not in (None, "object"):
        return _example(form)
    return {name: _example(fields.get(name, {})) for name in (required or fields)}


def _fields(form: dict[str, Any]) -> tuple[dict[str, dict[str, Any]], list[str]]:
    properties, required = form.get("properties"), form.get("required")
    given = cast("dict[str, Any]", properties) if isinstance(properties, dict) else {}
    fields = {name: cast("dict[str, Any]", one) if isinstance(one, dict) else {} for name, one in given.items()}
    return fields, [one for one in cast("list[Any]", required or []) if isinstance(one, str)]


def _kind(field: dict[str, Any]) -> str:
    choices = field.get("enum")
    if isinstance(choices, list) and choices:
        return " or ".join(json.dumps(one, ensure_ascii=False) for one in cast("list[Any]", choices))
    kind = field.get("type")
    names = cast("list[Any]", kind) if isinstance(kind, list) else [kind] if kind else ["anything"]
    bounds = [f"{word} {field[name]}" for name, word in (("minimum", "from"), ("maximum", "to")) if name in field]
    return " ".join([" or ".join(map(str, names)), *bounds])


def _about(field: dict[str, Any]) -> str:
    text = field.get("description") or field.get("title")
    return f": {text}" if isinstance(text, str) else ""


def _example(field: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
    choices = field.get("enum")
    if isinstance(choices, list) and choices:
        return cast("list[Any]", choices)[0]
    if "default" in field:
        return field["default"]
    kind = field.get("type")
    first = cast("list[object]", kind)[0] if isinstance(kind, list) and kind else cast("object", kind)
    low = field.get("minimum", 0)
    examples: dict[str, Any] = {
        "number": low,
        "integer": low,
        "boolean": True,
        "array": [],
        "object": {},
        "null": None,
    }
    return examples.get(first, "...") if isinstance(first, str) else "..."


def decided(steps: Sequence[StepState]) -> list[tuple[StepState, WhoDecided]]:
    """The askings of a run that are over, with who decided them."""
    found = ((one, one.execution_data.get(WHO_DECIDED)) for one in steps)
    return [(step, WhoDecided.model_validate(said, extra="ignore")) for step, said in found if isinstance(said, dict)]


def print_decided(console: Console, state: RunState) -> None:
    """Who decided what, when, and with which comment."""
    rows = decided(state.steps)
    if not rows:
        return
    print_title(console, "Decided")
    table = plain_table("time", "step", "decision", "by", "comment")
    for step, said in rows:
        if said.more:
            table.add_row("before", Text(step.path), f"{said.more:,} more", "", "")
        for one in said.people:
            word = {"approve": "approved", "reject": "rejected"}[one.decision]
            table.add_row(moment(parse_time(one.time)), Text(step.path), word, Text(one.by), Text(one.comment or ""))
        if said.by_deadline:
            word = str(step.execution_data.get("decision") or "settled")
            table.add_row(moment(parse_time(step.end_time)), Text(step.path), word, "", "nobody decided in time")
    print_table(console, table)


def print_rejected(console: Console, rejected: Sequence[RejectedDecision]) -> None:
    """Messages that did not count."""
    if not rejected:
        return
    print_title(console, "Decisions that did not count")
    table = plain_table("time", "code", "why")
    for one in rejected:
        table.add_row(moment(parse_time(one.time)), one.code, Text(one.message))
    print_table(console, table)


def print_audit(console: Console, state: RunState) -> None:
    """What orchestrators decided, and what people did to the run."""
    decisions = [one for one in state.audit if one.operation == ORCHESTRATION_DECISION]
    acts = [one for one in state.audit if one.operation != ORCHESTRATION_DECISION]
    earlier = dict(state.audit_left_out)
    _print_decisions(console, decisions, earlier.pop(ORCHESTRATION_DECISION, 0))
    _print_acts(console, acts, sum(earlier.values()))


def _print_decisions(console: Console, decisions: Sequence[AuditEntry], earlier: int) -> None:
    """What orchestrators decided."""
    if not decisions:
        return
    print_title(console, "Decisions of orchestrators")
    table = plain_table("time", "step", "decision")
    if earlier:
        table.add_row("before", "", f"{earlier:,} more")
    for one in decisions:
        table.add_row(moment(parse_time(one.time)), Text(one.step_id or ""), Text(one.reason))
    print_table(console, table)


def _print_acts(console: Console, acts: Sequence[AuditEntry], earlier: int) -> None:
    """What people did to the run."""
    if not acts and not earlier:
        return
    print_title(console, "Operators")
    table = plain_table("time", "operation", "step", "by", "reason")
    if earlier:
        table.add_row("before", f"{earlier:,} more", "", "", "")
    for one in acts:
        table.add_row(
            moment(parse_time(one.time)), one.operation, Text(one.step_id or ""), Text(one.by), Text(one.reason)
        )
    print_table(console, table)
