"""Asking people about a step, and waiting for their decision."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from temporalio import workflow

from advanced_workflow.workflows.contract import WHO_DECIDED, DecidedBy, ErrorInfo, Json, RecordedDecision, WhoDecided
from advanced_workflow.workflows.definition.kinds.human_approval import Approval
from advanced_workflow.workflows.engine.monitoring.gen_ai import CALL_ID
from advanced_workflow.workflows.engine.people.open_approval import OpenApproval, Verdict, digest_of, quorum_of
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure, StepSkipped, failure_of
from advanced_workflow.workflows.engine.step.signing_keys import pin_keys
from advanced_workflow.workflows.engine.step.waiting import wait_or_skip
from advanced_workflow.workflows.engine.temporal.clock import moment_after, timestamp
from advanced_workflow.workflows.errors import ApprovalRejected, ApprovalTimeout, DataInvalid
from advanced_workflow.workflows.plain.text import shortened

MOST_DECIDED = 20
"""Decisions on one asking that are told beside its step, the latest ones."""
LONGEST_COMMENT = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """What people decided."""

    verdict: Verdict
    output: dict[str, Json]
    """As an approval step gives it."""
    rejection: str
    """Who rejected it and why, as a sentence."""


async def ask(step: StepContext, approval: Approval, subject: Callable[[], Json]) -> Answer:
    """Ask, and wait for the quorum, a rejection or the deadline. `subject` builds what exactly is approved, unless it was asked already.

    Raises `StepFailure` of type `ApprovalTimeout`, `StepSkipped`.
    """
    nonce = ""
    if approval.identity == "signed" and "asked" not in step.record.cursor:
        nonce = await pin_keys(step.run.approvals.identity)
    asked = _open(step, approval, subject, nonce)
    step.wait(_sentence(asked))
    step.run.approvals.request(asked)
    step.run.display.waits_for(step.path, asked.approvers or ("anybody",))
    try:
        verdict = await wait_or_skip(step, asked.answer, asked.deadline, f"deadline of {step.plan.step.label}")
    except (StepSkipped, asyncio.CancelledError):
        if asked.decisions:  # They were taken, and are told though nobody needs them now.
            step.record.notes["decisions"] = _told(asked)
            step.record.notes[WHO_DECIDED] = _in_short(asked, by_deadline=False)
        raise
    finally:
        step.run.approvals.close(step.path)
        step.run.display.waits_no_longer(step.path)
    by_deadline = verdict is None
    if verdict is None:
        verdict = _verdict_at_deadline(step, asked.approval)
    step.record.notes["decision"] = verdict
    step.record.notes[WHO_DECIDED] = _in_short(asked, by_deadline=by_deadline)
    output = _output(asked, verdict, by_deadline=by_deadline)
    return Answer(verdict, output, _rejection(step, asked, by_deadline=by_deadline))


def _open(step: StepContext, approval: Approval, subject: Callable[[], Json], nonce: str) -> OpenApproval:
    answer: asyncio.Future[Verdict | None] = asyncio.get_running_loop().create_future()
    if "asked" in step.record.cursor:  # Asked before the run continued as new.
        return OpenApproval.load(step.record, approval, step.record.cursor["asked"], answer)
    what = subject()
    approvers, now = _approvers(step), workflow.now()
    _require_reachable(step, approval, approvers)
    asked = step.run.approvals.next_asking()
    return OpenApproval(
        record=step.record,
        approval=approval,
        subject=what,
        approvers=approvers,
        digest=digest_of(step.run.execution_id, step.run.plan.sha256, step.path, what, asked, nonce),
        asked=asked,
        requested_at=timestamp(now),
        deadline=moment_after(approval.deadline) if isinstance(approval.deadline, int | float) else None,
        answer=answer,
    )


def _require_reachable(step: StepContext, approval: Approval, approvers: tuple[str, ...]) -> None:
    """Raise where a computed quorum can never be reached; `check` tells of one that is written."""
    if "approval.required" not in step.numbers:
        return
    people = approval.model_copy(update={"approvers": approvers}).possible_people(step.run.options.groups)
    if people is not None and quorum_of(approval) > len(people):
        with step.reading("approval.required"):
            raise DataInvalid(
                f"{quorum_of(approval)} approvals are required, but only {len(people)} distinct people may decide."
            )


def approval_of(step: StepContext) -> Approval:
    """What is asked of whom; for the call of a tool the question is the call, where the definition has no other."""
    approval = _with_numbers(step, step.plan.step.approval or Approval())
    if approval.prompt or step.plan.tool is None:
        return approval
    return approval.model_copy(update={"prompt": step.record.notes.get("call", "")})


def _with_numbers(step: StepContext, approval: Approval) -> Approval:
    if not step.numbers:
        return approval
    found = {name: step.numbers.get(f"approval.{name}") for name in ("deadline", "required")}
    return approval.model_copy(update={name: number for name, number in found.items() if number is not None})


def exact_call(step: StepContext, arguments: Json) -> Json:
    """What is approved of the call of a tool: the exact call; what the definition says beside comes in a field of its own."""
    exact: dict[str, Json] = {
        "tool": step.plan.step.label,
        "arguments": arguments,
        "call": step.record.cursor.get(CALL_ID),
    }
    tool = step.plan.tool
    if tool is not None and tool.mcp is not None:  # Its name may be one that the server chose.
        exact |= {"server": tool.mcp, "server_tool": tool.tool}
    return {**exact, "subject": subject_of(step)} if step.plan.subject is not None else exact


def rejected(answer: Answer) -> StepFailure:
    """The failure of the call of a tool that people did not approve; it says who and why."""
    error = ErrorInfo(type=ApprovalRejected.code, message=answer.rejection, details=answer.output)
    return StepFailure(error, run_code=ApprovalRejected.code)


def subject_of(step: StepContext) -> Json:
    """What the definition says is approved."""
    with step.reading("approval.subject"):
        return step.plan.subject.evaluate(step.scope()) if step.plan.subject else {}


def _approvers(step: StepContext) -> tuple[str, ...]:
    names: list[str] = []
    for number, entry in enumerate(step.plan.approvers):
        if isinstance(entry, str):
            names.append(entry)
            continue
        with step.reading(f"approval.approvers[{number}]"):
            names.extend(_names(entry.evaluate(step.scope())))
    return tuple(dict.fromkeys(names))


def _names(value: Json) -> list[str]:
    found = cast("list[Json]", value) if isinstance(value, list) else [value]
    if not found or not all(isinstance(one, str) and one for one in found):
        raise DataInvalid("the expression must give a name or a list of names.")
    return found


def _sentence(asked: OpenApproval) -> str:
    people = ", ".join(asked.approvers) or "anybody"
    bound = f" until {timestamp(asked.deadline)}" if asked.deadline else ""
    count = f"{asked.required} approvals" if asked.required > 1 else "approval"
    return f"{count} by {people}{bound}"


def _verdict_at_deadline(step: StepContext, approval: Approval) -> Verdict:
    if approval.on_timeout == "approve":
        return "approved"
    if approval.on_timeout == "reject":
        return "rejected"
    raise failure_of(ApprovalTimeout(f"step {step.path!r}: nobody decided within {_shown(approval.deadline)} seconds."))


def _shown(deadline: object) -> str:
    return f"{deadline:g}" if isinstance(deadline, int | float) else "0"


def _output(asked: OpenApproval, verdict: Verdict, *, by_deadline: bool) -> dict[str, Json]:
    last: RecordedDecision | None = None if by_deadline or not asked.decisions else asked.decisions[-1]
    return {
        "decision": verdict,
        "approver": last.approver if last else None,
        "decided_at": last.time if last else timestamp(),
        "comment": last.comment if last else None,
        "form": last.form if last else None,
        "by_deadline": by_deadline,
        "decisions": _told(asked),
    }


def _told(asked: OpenApproval) -> list[Json]:
    return [one.model_dump(mode="json", exclude_none=True) for one in asked.decisions]


def _in_short(asked: OpenApproval, *, by_deadline: bool) -> Json:
    """Who decided, when and with which comment, as it is shown beside the step; the whole decisions are in its output."""
    latest = asked.decisions[-MOST_DECIDED:]
    more = len(asked.decisions) - len(latest)
    people = [
        DecidedBy(decision=one.decision, by=one.approver, time=one.time, comment=_cut(one.comment)) for one in latest
    ]
    return WhoDecided(people=people, more=more, by_deadline=by_deadline).model_dump(mode="json", exclude_defaults=True)


def _cut(comment: str | None) -> str | None:
    return None if comment is None else shortened(comment, LONGEST_COMMENT)


def _rejection(step: StepContext, asked: OpenApproval, *, by_deadline: bool) -> str:
    if by_deadline or not asked.decisions:
        return f"step {step.path!r}: nobody decided in time, which rejects it."
    last = asked.decisions[-1]
    return f"step {step.path!r} was rejected by {last.approver}" + (f": {last.comment}" if last.comment else ".")
