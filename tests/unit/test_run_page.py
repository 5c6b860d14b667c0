"""What `adw show` and `adw watch` say of runs that wait, are held, or have ended: over states as data."""

from __future__ import annotations

import dataclasses
import io
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from advanced_workflow.client.render.lines import ChangeLines
from advanced_workflow.client.render.people import deciding, form_example, form_lines
from advanced_workflow.client.render.remedies import remedies
from advanced_workflow.client.render.report import RunReport, print_report
from advanced_workflow.client.render.times import due, with_moments
from advanced_workflow.client.render.tree import render_tree
from advanced_workflow.client.reruns.undone_since import UndoneSince
from advanced_workflow.client.service.description import Attempt
from advanced_workflow.client.service.queues import Poller, QueueSummary
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import (
    AuditEntry,
    ErrorInfo,
    PendingApproval,
    RecordedDecision,
    RollbackReport,
    RunStatus,
    StepState,
    UndoEntry,
    UndoOutcome,
)
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from tests.unit.shown import BEGAN, NOW, running

OUT = ErrorInfo(type="OutOfStock", message="none left")


def step(path: str, status: StepStatus = StepStatus.COMPLETED, **more: Any) -> StepState:
    step_id = path.rpartition(".")[2]
    kind = more.pop("step_type", StepType.SEQUENTIAL)
    return StepState(path=path, step_id=step_id, name=step_id, step_type=kind, status=status, **more)


def attempt(path: str, number: int = 1, **more: Any) -> Attempt:
    given: dict[str, Any] = {"started_at": None, "last_heartbeat_at": None, "next_attempt_at": None, "worker": "w1"}
    given |= {"last_failure": None, "worker_lost": False, "scheduled_at": BEGAN, "task_queue": "robots", **more}
    return Attempt(path=path, action="act", attempt=number, max_attempts=3, state="scheduled", **given)


def page(report: RunReport | Snapshot, *, width: int = 120, everything: bool = False) -> str:
    """The page as it is printed, with runs of spaces as one."""
    console = Console(file=io.StringIO(), width=width, color_system=None, highlight=False)
    print_report(console, report if isinstance(report, RunReport) else RunReport(report), everything=everything)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(" ".join(line.split()) for line in console.file.getvalue().splitlines())


def lines_of(snapshot: Snapshot) -> list[str]:
    return [line.split(maxsplit=2)[2] for line in ChangeLines().lines(snapshot, NOW)]


def held(**more: Any) -> Snapshot:
    waiting = {"waiting_for": "an operator: retry_step or skip_step", "error_info": OUT, **more}
    return running([step("pay", StepStatus.FAILED, **waiting)], status=RunStatus.PAUSED)


def ended(snapshot: Snapshot, status: str = "failed") -> Snapshot:
    summary = dataclasses.replace(snapshot.summary, status=status, close_time=NOW)
    return dataclasses.replace(snapshot, summary=summary)


def undo(path: str, outcome: UndoOutcome = UndoOutcome.UNDONE, run: str | None = None) -> UndoEntry:
    fields = {"path": path, "step_id": path, "action": "refund", "activity_id": f"{path}.rollback[0]"}
    more = {"step_outcome": "completed", "idempotency_key": f"{run}:{path}", "run": run}
    return UndoEntry.model_validate({**fields, **more, "outcome": outcome})


def test_a_held_step_says_why_it_failed_and_what_to_type() -> None:
    text = page(held())

    assert "pay ✘ failed OutOfStock: none left; waits for an operator" in text
    assert "adw retry r1 pay --reason WHY" in text
    assert "adw skip r1 pay --reason WHY" in text
    assert "adw cancel r1" in text


def test_a_held_conditional_is_skipped_with_a_choice() -> None:
    commands = [line for line, _ in remedies(held(step_type=StepType.CONDITIONAL), NOW)]

    assert """adw skip r1 pay --output '{"routed": ["STEP"]}' --reason WHY""" in commands


def test_a_paused_run_says_by_whom_and_how_it_continues() -> None:
    acts = [AuditEntry(time=BEGAN.isoformat(), operation="pause", by="ann", reason="stocktaking")]
    paused = running([], audit=acts, status=RunStatus.PAUSED)

    assert "paused by ann," in page(paused)
    assert [line for line, _ in remedies(paused, NOW)] == ["adw resume r1"]
    # Paused by a held step alone, nobody has to resume it.
    assert "adw resume r1" not in page(held())


def unserved(*pollers: Poller, silent: bool = True) -> Snapshot:
    shown = dataclasses.replace(running([step("a")], {"pack": attempt("pack")}), silent=silent)
    return dataclasses.replace(shown, queues=[QueueSummary("queue", "runs", pollers, 1, 40.0)])


@pytest.mark.parametrize(
    ("heard", "sentence", "starts"),
    [
        (None, "no worker polls its task queue 'queue'", True),
        (200, "no worker polls its task queue 'queue' any more: w1 was last heard 3 min 20 s ago", True),
        (
            20,
            "no worker answered in time; of its task queue 'queue' w1 polled 20 s ago: it is busy, or gone since",
            True,
        ),
    ],
)
def test_a_run_that_nobody_serves_says_what_is_known_of_its_queue(
    heard: int | None, sentence: str, starts: bool
) -> None:
    pollers = [] if heard is None else [Poller("w1", NOW - timedelta(seconds=heard))]
    seen = unserved(*pollers)
    console = Console(file=io.StringIO(), width=120, height=40, color_system=None)
    console.print(render_tree(seen, NOW, console))
    assert isinstance(console.file, io.StringIO)

    assert sentence in console.file.getvalue()
    assert ("ADW_TASK_QUEUE=queue adw-worker" in dict(remedies(seen, NOW))) is starts


def test_without_a_worker_pending_actions_are_told_with_queue_attempts_and_the_next_one() -> None:
    later = attempt("ship", 2, next_attempt_at=NOW + timedelta(hours=9999), last_failure="Away: bank is away")
    seen = running([], {"pack": attempt("pack"), "ship": later})
    text = page(dataclasses.replace(seen, silent=True, state=None))

    assert "pack act 1 of 3 robots waits for a worker for" in text
    assert "ship act 2 of 3 robots next attempt" in text
    assert "Away: bank is away" in text


def test_an_action_that_its_worker_does_not_serve_is_told_in_a_sentence() -> None:
    said = "Activity function refnd for workflow r1 is not registered on this worker, available activities: adw.fits, pay, ship"
    error = ErrorInfo(type="NotFoundError", message=said)
    tried = attempt("pack", 2, last_failure=f"NotFoundError: {said}")
    steps = [step("pay", StepStatus.FAILED, error_info=error), step("pack", StepStatus.RUNNING)]
    text = page(running(steps, {"pack": tried}), width=250)

    assert text.count("the worker of its task queue has no action 'refnd'; it serves pay, ship") == 2
    assert "adw.fits" not in text


def test_a_step_whose_queue_nobody_polls_says_so_and_how_to_serve_it() -> None:
    seen = running([step("pack", StepStatus.RUNNING)], {"pack": attempt("pack")})
    seen = dataclasses.replace(seen, queues=[QueueSummary("robots", "actions", (), 1, 40.0)])
    text = page(seen)

    assert "waits for a worker of task queue 'robots', which none polls" in text
    assert "ADW_CAPABILITIES=robots adw-worker" in text


FORM = {
    "type": "object",
    "required": ["amount", "account"],
    "properties": {
        "amount": {"type": "number", "description": "what is paid"},
        "account": {"enum": ["main", "side"]},
        "note": {"type": "string"},
    },
}


def asked(*approvers: str) -> PendingApproval:
    fields: dict[str, Any] = {"step_id": "sign", "path": "box[1].sign", "name": "Sign", "prompt": "Right?"}
    fields |= {"approvers": approvers, "required": 1, "digest": "d", "requested_at": BEGAN.isoformat(), "form": FORM}
    return PendingApproval(**fields, on_timeout="reject", deadline=(NOW + timedelta(hours=3)).isoformat())


def test_the_form_of_an_approval_is_shown_with_the_command_that_fills_it() -> None:
    assert form_lines(FORM) == [
        "amount   number, required: what is paid",
        'account  "main" or "side", required',
        "note     string",
    ]
    assert form_example(FORM) == {"amount": 0, "account": "main"}
    text = page(RunReport(running([]), [asked("ann")], user="ann"))
    assert """adw approve r1 'box[1].sign' --form '{"amount": 0, "account": "main"}'""" in text
    assert "adw reject r1 'box[1].sign' --comment WHY" in text


@pytest.mark.parametrize(
    ("approvers", "option"),
    [(("ann",), ""), ((), ""), (("bob",), " --as bob"), (("bob", "group:finance"), " --group finance")],
)
def test_the_command_says_for_whom_one_decides_who_is_not_asked_by_name(
    approvers: tuple[str, ...], option: str
) -> None:
    (_, (reject, _)) = deciding("r1", asked(*approvers), "ann")

    assert reject == f"adw reject r1 'box[1].sign'{option} --comment WHY"


@pytest.mark.parametrize(
    ("approvers", "option"),
    [
        (("ann", "bob"), " --as bob"),
        (("group:finance",), " --as SOMEBODY --group finance"),
        ((), " --as SOMEBODY"),
        (("ann",), " --as SOMEBODY"),
    ],
)
@pytest.mark.parametrize("why", ["started it", "decided it already"])
def test_who_may_not_decide_is_given_a_command_that_would_count(
    approvers: tuple[str, ...], option: str, why: str
) -> None:
    said = RecordedDecision(approver="ann", time=BEGAN.isoformat(), decision="approve")
    barred = {"not_by": "Ann"} if why == "started it" else {"approvals": [said]}
    approval = asked(*approvers).model_copy(update=barred)
    (_, (reject, _)) = deciding("r1", approval, "ann")

    assert reject == f"adw reject r1 'box[1].sign'{option} --comment WHY"
    assert ("not Ann, who started the run" in page(RunReport(running([]), [approval]))) is (why == "started it")


def test_a_run_that_failed_is_offered_a_rerun_when_no_worker_tells_of_it() -> None:
    seen = running([])
    ended = dataclasses.replace(seen.summary, status="failed", close_time=NOW)
    seen = dataclasses.replace(seen, summary=ended, state=None, silent=True)

    assert dict(remedies(seen, NOW, began=True)).keys() == {"adw rerun r1"}
    assert not remedies(seen, NOW)


def test_a_signed_approval_says_that_a_token_is_needed_and_gives_no_command_that_would_be_refused() -> None:
    signed = asked("ann").model_copy(update={"identity": "signed"})
    text = page(RunReport(running([]), [signed], user="ann"))

    assert "a decision needs a token" in text
    assert "adw approve" not in text


@pytest.mark.parametrize("form", [{"type": "string"}, {"properties": 3, "required": "x"}, {"required": [1, {}]}])
def test_a_form_of_any_shape_is_shown(form: dict[str, Any]) -> None:
    form_lines(form)
    form_example(form)


def test_who_decided_is_told_with_time_and_comment() -> None:
    said = {
        "people": [{"decision": "approve", "by": "ann", "time": BEGAN.isoformat(), "comment": "looks right"}],
        "more": 2,
    }
    late = step("late", execution_data={"who_decided": {"by_deadline": True}, "decision": "rejected"})
    text = page(running([step("sign", execution_data={"who_decided": said}), late]))

    assert "sign approved ann looks right" in text
    assert "before sign 2 more" in text
    assert "late rejected nobody decided in time" in text


def fan(copies: int, *known: StepState, failed: int = 0, shown_failed: tuple[int, ...] = ()) -> Snapshot:
    progress = {"total": copies, "completed": copies - failed, "failed": failed, "running": 0}
    listed = [{"index": one, "step_id": "pack", "error": "Broken: no box"} for one in shown_failed]
    data: dict[str, Any] = {"progress": progress, **({"failed_copies": listed} if listed else {})}
    return running([step("ship", step_type=StepType.PARALLEL, execution_data=data), *known])


def test_few_copies_are_shown_each_under_its_number() -> None:
    parts = [step(f"ship[{copy}].{name}") for name in ("label", "pack") for copy in (0, 1)]
    text = page(fan(2, *parts))

    places = [text.index(one) for one in ("[0] ✔", "label", "pack", "[1] ✔")]
    assert places == sorted(places)
    assert text.count("label ✔") == 2
    assert "copy 2" in text
    assert "more" not in text


def test_of_a_thousand_copies_the_counts_and_those_that_failed_are_shown() -> None:
    known = [step(f"ship[{copy}].pack") for copy in range(500, 1000)]
    seen = fan(1000, *known, failed=2, shown_failed=(3, 7))
    text = page(seen)

    assert "[3].pack ✘ failed Broken: no box" in text
    assert "[7].pack ✘ failed Broken: no box" in text
    assert "… 998 more 998 completed" in text
    assert len(text.splitlines()) < 30
    assert page(seen, everything=True).count("pack ✔") == 500


def test_copies_that_failed_are_shown_though_no_record_of_any_is_left() -> None:
    text = page(fan(1000, failed=1, shown_failed=(3,)))

    assert "[3].pack ✘ failed Broken: no box" in text
    assert "… 999 more 999 completed" in text


def test_rounds_of_a_loop_in_a_copy_stand_under_their_copy() -> None:
    loop: dict[str, Any] = {"step_type": StepType.LOOP, "execution_data": {"iterations": 30}}
    rounds = [step(f"ship[0].try#{number}.call") for number in range(28, 30)]
    text = page(fan(2, step("ship[0].try", **loop), step("ship[1].try", **loop), *rounds))

    assert "#28.call ✔ completed" in text
    assert "… 28 more 28 completed" in text
    assert text.index("ship") < text.index("[0] ✔") < text.index("#28.call") < text.index("[1].try")


def test_undos_of_children_with_the_same_steps_are_all_told() -> None:
    entries = [undo("x"), undo("x", run="r1/kid[0].sub"), undo("x", run="r1/kid[1].sub-rollback-0123456789ab")]
    report = RollbackReport(reason="OutOfStock", complete=True, entries=entries)
    seen = running([], rollback=report)

    told = [line for line in lines_of(seen) if "refund" in line or "undone" in line]
    assert len(told) == 3
    assert "refund x of r1/kid[1].sub ↶ undone" in page(seen)


def test_the_time_of_a_run_is_that_of_all_its_histories() -> None:
    seen = running([])
    later = dataclasses.replace(seen.summary, start_time=NOW - timedelta(seconds=1))
    seen = dataclasses.replace(seen, summary=later)

    assert seen.began == BEGAN
    assert next(ChangeLines().lines(seen, NOW)).split()[0] == "9.0"
    unknown = dataclasses.replace(seen, state=None, first_start=BEGAN)
    assert unknown.began == BEGAN


def test_steps_that_were_never_reached_are_not_run_after_the_end() -> None:
    steps = [step("a"), step("never", StepStatus.PENDING), step("half", StepStatus.RUNNING)]
    text = page(ended(running(steps), "terminated"))

    assert "never ○ not run" in text
    assert "half ▶ cut off" in text
    assert "adw rollback r1" in text
    assert "never ○ pending" in page(running(steps))


def test_what_was_undone_after_the_end_is_told_on_the_first_run() -> None:
    report = RollbackReport(reason="OutOfStock", complete=False, entries=[undo("pay", UndoOutcome.FAILED)], failed=1)
    seen = ended(running([], rollback=report))
    done = UndoneSince("r1-rollback-1", NOW, complete=True)

    assert "the rest was undone by run 'r1-rollback-1', " in page(RunReport(seen, since=done))
    assert dict(remedies(seen, NOW, done, left=True)).keys() == {"adw show r1-rollback-1"}
    assert dict(remedies(seen, NOW, left=True)).keys() == {"adw rollback r1"}
    again = UndoneSince("r1-rollback-1", NOW, complete=False)
    assert dict(remedies(seen, NOW, again, left=True)).keys() == {"adw rollback r1"}


def test_a_completed_run_says_nothing_of_a_rollback() -> None:
    text = page(ended(running([step("a")]), "completed"))

    assert "ollback" not in text
    assert "What to type next" not in text


def test_times_in_sentences_of_a_run_are_as_people_read_them() -> None:
    waits = step("ask", StepStatus.WAITING, waiting_for="approval by ann until 2026-01-02T05:04:14.000Z")
    text = page(running([waits]))

    assert "T05:04:14" not in text
    assert with_moments("until 2026-01-02T05:04:14.000Z") in text
    assert due(BEGAN + timedelta(hours=2, seconds=9), NOW).endswith("(in 2 h 00 min)")
