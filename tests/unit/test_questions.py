"""What the Web UI's current details say of approvals and events, as markdown."""

from __future__ import annotations

import json
import re
from typing import Any

from advanced_workflow.workflows.contract import DecideRequest, PendingApproval
from advanced_workflow.workflows.engine.monitoring.questions import MAX_SHOWN, YOUR_NAME, Asked, decision_on, questions

DIGEST = "d" * 64


def asked(**more: Any) -> PendingApproval:
    plain: dict[str, Any] = {
        "step_id": "ok",
        "path": "each[2].ok",
        "name": "The boss agrees",
        "prompt": "Pay *this*?",
        "approvers": ["boss"],
        "required": 1,
        "digest": DIGEST,
        "requested_at": "2030-01-01T00:00:00.000Z",
        "on_timeout": "reject",
    }
    return PendingApproval.model_validate({**plain, **more})


def blocks(lines: list[str]) -> list[Any]:
    return [json.loads(one) for one in re.findall(r"^```json\n(.*?)\n```$", "\n".join(lines), re.MULTILINE | re.DOTALL)]


def test_an_approval_says_what_is_asked_and_what_decides_it() -> None:
    subject = {"to": "ACME ``` | <b>", "amount": 5}
    lines = questions(Asked([asked(subject=subject, deadline="2030-02-01T00:00:00.000Z")], 1))

    assert lines[0] == "**The boss agrees** (`each[2].ok`) asks: Pay \\*this\\*?"
    assert "- of: boss; 0 of 1 approved" in lines
    assert "- due: 2030-02-01T00:00:00.000Z, then reject" in lines
    shown, decision = blocks(lines)
    assert shown == subject
    assert decision == {"step_id": "each[2].ok", "approver": "boss", "decision": "approve", "digest": DIGEST}
    DecideRequest.model_validate(decision)


def test_an_approval_without_words_and_deadline_says_so() -> None:
    lines = questions(Asked([asked(prompt="")], 1))

    assert lines[0] == "**The boss agrees** (`each[2].ok`) asks for approval"
    assert "- no deadline" in lines


def test_the_decision_names_somebody_who_may_still_decide() -> None:
    approved = {"decision": "approve", "approver": "Boss", "time": "2030-01-01T00:00:00.000Z"}

    assert decision_on(asked(approvers=["boss", "anne"], approvals=[approved]))["approver"] == "anne"
    assert decision_on(asked(approvers=["boss", "anne"]), started_by="boss")["approver"] == "anne"
    assert decision_on(asked(approvers=[]))["approver"] == YOUR_NAME
    of_group = decision_on(asked(approvers=["group:finance"]))
    assert (of_group["approver"], of_group["groups"]) == (YOUR_NAME, ["finance"])


def test_a_form_comes_with_the_fields_that_it_asks_for() -> None:
    form = {
        "type": "object",
        "properties": {
            "budget": {"type": "string"},
            "parts": {"type": "integer"},
            "how": {"enum": ["card", "cash"]},
            "more": {"type": "object", "properties": {"sure": {"type": "boolean"}}},
            "not asked": {"type": "string"},
        },
        "required": ["budget", "parts", "how", "more"],
    }

    assert decision_on(asked(form=form))["form"] == {"budget": "...", "parts": 0, "how": "card", "more": {"sure": True}}


def test_many_and_large_approvals_stay_small() -> None:
    large = asked(subject={"text": "x" * 100_000}, prompt="y" * 100_000, approvers=["z" * 1000] * 100, name="n" * 200)

    lines = questions(Asked([large] * MAX_SHOWN, 2000))

    assert lines[-2] == f"… and {2000 - MAX_SHOWN} more approvals: query `pending_approvals`, or `adw show`."
    assert len("\n".join(lines)) < 8_000 * MAX_SHOWN


def test_a_schema_of_any_kind_gives_a_decision() -> None:
    for form in (
        {"required": "budget"},
        {"type": ["string"]},
        {"properties": {"a": True}, "required": [1]},
        {"enum": 5},
    ):
        assert decision_on(asked(form=form))["decision"] == "approve"
