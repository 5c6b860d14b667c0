from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console

from advanced_workflow.client.errors import RunFailed
from advanced_workflow.client.render.graph import mermaid, step_statuses
from advanced_workflow.client.render.lines import ChangeLines
from advanced_workflow.client.render.outcome import failure_sentence, rollback_sentence
from advanced_workflow.client.render.report import RunReport, print_report
from advanced_workflow.client.render.rows import StepRow, sign_of_life, step_rows
from advanced_workflow.client.render.times import duration
from advanced_workflow.client.render.tree import fit, render_tree
from advanced_workflow.client.render.undos import undo_rows
from advanced_workflow.client.service.description import Attempt, RunSummary
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import (
    ErrorInfo,
    RollbackReport,
    RunResult,
    RunState,
    RunStatus,
    SkipReason,
    StepState,
    UndoEntry,
    UndoOutcome,
)
from advanced_workflow.workflows.definition.model.conditions import Condition
from advanced_workflow.workflows.definition.model.handlers import ErrorHandler
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

BEGAN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NOW = BEGAN + timedelta(seconds=12)


def step(path: str, status: StepStatus = StepStatus.PENDING, **more: Any) -> StepState:
    step_id = path.replace("!", ".").rpartition(".")[2]
    name = step_id.replace("_", " ")
    return StepState(path=path, step_id=step_id, name=name, step_type=StepType.SEQUENTIAL, status=status, **more)


def attempt(path: str, number: int = 1, state: str = "started", **more: Any) -> Attempt:
    fields: dict[str, Any] = {
        "started_at": None,
        "last_heartbeat_at": None,
        "next_attempt_at": None,
        "last_failure": None,
        "worker_lost": False,
        **more,
    }
    return Attempt(
        path=path,
        action="act",
        attempt=number,
        max_attempts=3,
        state=state,
        worker="w",
        **fields,
    )


def snapshot(*steps: StepState, attempts: tuple[Attempt, ...] = (), ended: bool = False, **more: Any) -> Snapshot:
    summary = RunSummary(
        "r-1", "x", "orders", "completed" if ended else "running", "q", BEGAN, NOW if ended else None, 9
    )
    state = RunState(
        execution_id="x",
        workflow_id="orders",
        version="1.0",
        definition_sha256="0",
        status=RunStatus.RUNNING,
        start_time="2026-01-02T03:04:05Z",
        steps=list(steps),
        rollback=more.pop("rollback", None),
    )
    counts = {one.path: one.attempt for one in attempts}
    return Snapshot(summary, {one.path: one for one in attempts}, counts, state, more.pop("silent", False))


def undo(action: str, outcome: UndoOutcome) -> UndoEntry:
    return UndoEntry(
        path="pay",
        step_id="pay",
        action=action,
        activity_id=f"pay.rollback[{action}]",
        outcome=outcome,
        step_outcome="completed",
        idempotency_key="k",
    )


def text_of(drawn: Any, width: int = 100, encoding: str = "utf-8") -> str:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=file, width=width, height=40, color_system=None, highlight=False)
    if callable(drawn):
        drawn(console)
    else:
        console.print(drawn)
    file.seek(0)
    return file.read()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, ""), (0.04, "0.0 s"), (9.96, "10.0 s"), (59.4, "59 s"), (61, "1 min 01 s"), (3900, "1 h 05 min")],
)
def test_durations_are_short(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_nested_steps_follow_their_owner() -> None:
    rows = step_rows(snapshot(step("fan"), step("last"), step("fan.inner"), step("fan!handler")), NOW)

    assert [(one.path, one.depth) for one in rows] == [("fan", 0), ("fan.inner", 1), ("fan!handler", 1), ("last", 0)]


def test_a_pending_action_shows_although_the_worker_has_not_said_so() -> None:
    lost = attempt("pay", 2, "scheduled", worker_lost=True, next_attempt_at=NOW + timedelta(seconds=3))
    (row,) = step_rows(snapshot(step("pay"), attempts=(lost,)), NOW)

    assert row.status is StepStatus.RETRYING
    assert row.note == "attempt 2 of 3: the worker was lost"
    assert row.retry_in == 3


@pytest.mark.parametrize(
    ("seconds_ago", "heartbeat", "timeout", "life"),
    [
        ((2, None), 10, 300, ""),
        ((40, 7), 10, 300, "last heard 7.0 s ago"),
        ((40, 7), None, 300, "last heard 7.0 s ago"),
        ((40, None), 60, 300, "last heard 40 s ago"),
        (
            (40, 55),
            None,
            300,
            "runs for 40 s, gives no signs of life and is left alone until its timeout of 5 min 00 s",
        ),
        ((40, None), None, None, "runs for 40 s, gives no signs of life and is left alone"),
    ],
)
def test_a_running_action_says_how_old_its_last_sign_of_life_is(
    seconds_ago: tuple[int, int | None], heartbeat: int | None, timeout: int | None, life: str
) -> None:
    began, beat = (None if one is None else NOW - timedelta(seconds=one) for one in seconds_ago)
    seen = attempt(
        "pay", started_at=began, last_heartbeat_at=beat, heartbeat_timeout_seconds=heartbeat, timeout_seconds=timeout
    )
    shown = snapshot(step("pay", StepStatus.RUNNING), attempts=(seen,))
    (row,) = step_rows(shown, NOW)

    assert row.life == life
    tree = text_of(lambda console: console.print(render_tree(shown, NOW, console)), width=200)
    assert life in " ".join(tree.split())


def test_plain_lines_say_a_silence_each_time_that_it_is_twice_as_long() -> None:
    changes, said = ChangeLines(), list[str]()
    for seconds in range(50):
        seen = attempt("pay", started_at=NOW, heartbeat_timeout_seconds=600)
        shown = snapshot(step("pay", StepStatus.RUNNING), attempts=(seen,))
        said += [line for line in changes.lines(shown, NOW + timedelta(seconds=seconds)) if "sign of life" in line]

    assert [line.partition("pay")[2].strip() for line in said] == [
        "no sign of life for 10 s",
        "no sign of life for 20 s",
        "no sign of life for 40 s",
    ]


@pytest.mark.parametrize("state", ["scheduled", "paused"])
def test_an_action_that_no_worker_has_gives_no_sign_of_life(state: str) -> None:
    waits = attempt("pay", 2, state, started_at=NOW - timedelta(seconds=40), last_heartbeat_at=NOW)

    assert sign_of_life(waits, NOW) == ""


def test_a_step_no_worker_takes_says_so() -> None:
    (row,) = step_rows(snapshot(step("pay", StepStatus.RUNNING), attempts=(attempt("pay", 1, "scheduled"),)), NOW)

    assert row.note == "waits for a worker"


def test_an_event_that_match_could_not_judge_is_told_beside_a_step_that_runs() -> None:
    pay = step("pay", StepStatus.RUNNING, execution_data={"match_error": "no field 'all' in event"})
    (row,) = step_rows(snapshot(pay), NOW)

    assert row.note == "an event came of which 'match' could not say whether it fits: no field 'all' in event"


def test_notes_tell_why_a_step_waits_was_skipped_or_failed() -> None:
    error = ErrorInfo(type="OutOfStock", message="none\nleft")
    rows = step_rows(
        snapshot(
            step("ask", StepStatus.WAITING, waiting_for="approval by ann"),
            step("not", StepStatus.SKIPPED, skip_reason=SkipReason.NOT_ROUTED),
            step("bad", StepStatus.FAILED, error_info=error),
            step("mended", StepStatus.FAILED, error_info=error, recovered=True),
        ),
        NOW,
    )

    assert [one.note for one in rows] == [
        "waits for approval by ann",
        "the route went another way",
        "OutOfStock: none left",
        "recovered from OutOfStock: none left",
    ]


def test_undos_under_way_follow_those_that_are_done() -> None:
    report = RollbackReport(reason="x", complete=True, entries=[undo("refund", UndoOutcome.UNDONE)])
    pending = attempt("stock.rollback[0]")

    rows = undo_rows(report, {pending.path: pending}, NOW)

    assert [(one.action, one.path, one.outcome.value) for one in rows] == [
        ("refund", "pay", "undone"),
        ("act", "stock", "pending"),
    ]


def test_the_tree_shows_status_time_attempts_and_rollback() -> None:
    report = RollbackReport(reason="x", complete=True, entries=[undo("refund", UndoOutcome.UNDONE)])
    paid = step("pay", StepStatus.COMPLETED, start_time="2026-01-02T03:04:05Z", end_time="2026-01-02T03:04:07Z")
    seen = snapshot(paid, step("fan"), step("fan.ship"), attempts=(attempt("pay", 2),), rollback=report)

    text = text_of(lambda console: console.print(render_tree(seen, NOW, console)))

    lines = text.splitlines()
    assert lines[0] == "r-1  orders  running  12 s"
    assert lines[1].split() == ["✔", "pay", "pay", "completed", "2.0", "s", "2", "attempts"]
    assert lines[3].startswith("    ○ ship")
    assert lines[-1] == "  ↶ refund  for pay  undone"


def test_a_narrow_terminal_keeps_the_status_and_drops_the_ids() -> None:
    seen = snapshot(step("a_step_with_a_long_name", StepStatus.RUNNING))

    text = text_of(lambda console: console.print(render_tree(seen, NOW, console)), width=60)

    assert "running" in text
    assert "a_step_with_a_long_name" not in text
    assert max(len(line) for line in text.splitlines()) <= 60


def test_a_terminal_without_unicode_gets_ascii_signs() -> None:
    seen = snapshot(step("pay", StepStatus.COMPLETED))

    text = text_of(lambda console: console.print(render_tree(seen, NOW, console)), encoding="ascii")

    assert "+ pay" in text


def test_data_is_never_read_as_markup() -> None:
    seen = snapshot(step("pay", StepStatus.FAILED, error_info=ErrorInfo(type="E", message="[bold]no[/bold]")))

    assert "[bold]no[/bold]" in text_of(lambda console: console.print(render_tree(seen, NOW, console)))


def test_a_long_run_shows_what_is_going_on() -> None:
    done = [StepRow(f"s{n}", 0, "s", "s", StepStatus.COMPLETED) for n in range(50)]
    todo = [StepRow(f"t{n}", 0, "t", "t", StepStatus.PENDING) for n in range(50)]

    shown, before, after = fit([*done, *todo], 12)

    assert (len(shown), before, after) == (12, 46, 42)
    assert todo[0] in shown


def test_plain_lines_say_each_change_once() -> None:
    changes = ChangeLines()
    first = list(changes.lines(snapshot(step("pay", StepStatus.RUNNING), step("next")), NOW))
    same = list(changes.lines(snapshot(step("pay", StepStatus.RUNNING), step("next")), NOW + timedelta(seconds=5)))
    silent = list(changes.lines(snapshot(step("pay", StepStatus.RUNNING), step("next"), silent=True), NOW))

    assert first == ["     12 s  pay  running", "     12 s  run running"]
    assert same == []
    assert silent == ["     12 s  no worker answers; last known state"]


def test_the_report_of_a_closed_run_needs_no_worker() -> None:
    result = RunResult(
        execution_id="x",
        workflow_id="orders",
        version="1.0",
        definition_sha256="0",
        status=RunStatus.FAILED,
        error=ErrorInfo(type="WorkflowFailed", message="step 'pay' failed"),
        steps={
            "later": {"status": "pending"},
            "pay": {"status": "failed", "start_time": "2026-01-02T03:04:05Z", "end_time": "2026-01-02T03:04:06Z"},
        },
        rollback=RollbackReport(reason="WorkflowFailed", complete=False, entries=[undo("refund", UndoOutcome.FAILED)]),
        start_time="2026-01-02T03:04:05Z",
        end_time="2026-01-02T03:04:17Z",
        duration_seconds=12,
    )
    reason = "step 'pay' failed"
    failure = RunFailed(f"run 'r-1': {reason}", failure_type="WorkflowFailed", result=result, reason=reason)
    seen = snapshot(ended=True, silent=True)

    text = text_of(lambda console: print_report(console, RunReport(seen, (), result, failure)))

    assert "WorkflowFailed: step 'pay' failed" in text
    assert "no worker answers; what follows is what the server knows" in " ".join(text.split())
    flat = " ".join(text.split())
    assert flat.index("pay ✘ failed 1.0 s") < flat.index("later ○ not run")
    assert "refund pay ✘ failed" in flat
    assert failure_sentence(failure) == "WorkflowFailed: step 'pay' failed"


def test_the_rollback_sentence_names_what_was_not_undone() -> None:
    entries = [undo("refund", UndoOutcome.FAILED), undo("release", UndoOutcome.UNDONE)]

    sentence = rollback_sentence(RollbackReport(reason="x", complete=False, entries=entries))

    assert sentence == "rolled back: 1 failed, 1 undone; NOT undone: refund for pay"
    assert rollback_sentence(RollbackReport(reason="x", complete=True)) == "rolled back: nothing had to be undone"
    # A list that is cut says how much it leaves out.
    cut = RollbackReport(reason="x", complete=False, entries=entries, undone=2_000, failed=3, entries_left_out=2_001)
    assert rollback_sentence(cut).startswith("rolled back: 3 failed, 2,000 undone")
    assert rollback_sentence(cut).endswith(", and 2 more")


def test_a_flowchart_has_routes_subgraphs_and_dotted_handlers() -> None:
    routes = (
        Condition(expression='input.kind == "a"', next_steps=("end",)),
        Condition(default=True, next_steps=("b",)),
    )
    workflow = AdvancedWorkflow(
        workflow_id="drawn",
        steps=(
            WorkflowStep(step_id="route", step_type=StepType.CONDITIONAL, conditions=routes),
            WorkflowStep(step_id="end", name='The "end" <b>', action="x", dependencies=("route",)),
            WorkflowStep(
                step_id="b",
                step_type=StepType.PARALLEL,
                parallel_steps=(
                    WorkflowStep(step_id="c", action="x", next_steps=("d",)),
                    WorkflowStep(step_id="d", action="x"),
                ),
                error_handlers=(ErrorHandler(handler="mend", on=("Late",)),),
            ),
            WorkflowStep(step_id="mend", action="x"),
        ),
    )

    assert mermaid(workflow, {"end": StepStatus.COMPLETED}).splitlines() == [
        "---",
        'title: "drawn 1.0"',
        "---",
        "flowchart TD",
        '    s1{"route"}',
        '    s2["The #quot;end#quot; #lt;b#gt;"]',
        '    subgraph s3 ["b"]',
        '        s4["c"]',
        '        s5["d"]',
        "        s4 --> s5",
        "    end",
        '    s6["mend"]',
        '    s1 -->|"input.kind == #quot;a#quot;"| s2',
        '    s1 -->|"otherwise"| s3',
        '    s3 -. "on Late" .-> s6',
        "    classDef completed fill:#d5f5d5,stroke:#2e7d32,color:#111",
        "    class s2 completed",
    ]


def drawn(*steps: dict[str, Any]) -> list[str]:
    """The lines of a flowchart that draw these steps."""
    workflow = AdvancedWorkflow.model_validate({"workflow_id": "drawn", "steps": steps})
    return [line.strip() for line in mermaid(workflow).splitlines()[4:]]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"step_type": "sub_workflow", "workflow": "billing"}, 's1[["a<br/>runs billing"]]'),
        (
            {"step_type": "sub_workflow", "workflow": "billing", "workflow_version": "2"},
            's1[["a<br/>runs billing 2"]]',
        ),
        (
            {"step_type": "webhook", "webhook": {"url": "input.url", "method": "PUT", "callback": {"event": "back"}}},
            's1>"a<br/>PUT input.url<br/>waits for event back"]',
        ),
        ({"step_type": "wait", "wait": {"event": "paid"}}, 's1(["a<br/>waits for event paid"])'),
        ({"step_type": "wait", "wait": {"until": "input.when"}}, 's1(["a<br/>waits until input.when"])'),
        ({"step_type": "wait", "wait": {"seconds": 0.5}}, 's1(["a<br/>waits 0.5 s"])'),
        (
            {"step_type": "loop", "action": "x", "loop_condition": "iteration < 3"},
            's1("a<br/>while iteration #lt; 3")',
        ),
        ({"action": "x", "lock": "l", "cancel_on": "e"}, 's1["a<br/>lock l<br/>skipped by event e"]'),
        ({"action": "x", "lock": {"name": "l", "max_concurrent": 3}}, 's1["a<br/>lock l, 3 at a time"]'),
        ({"action": "x", "cancel_on": {"event": "e", "outcome": "fail"}}, 's1["a<br/>failed by event e"]'),
        ({"action": "x", "join": 2, "cancel_rest": True}, 's1["a<br/>join: 2, cancels the rest"]'),
        ({"action": "x", "join": "input.n > 1"}, 's1["a<br/>join: input.n #gt; 1"]'),
        ({"action": "x", "join": "x" * 100}, f's1["a<br/>join: {"x" * 57}..."]'),
    ],
)
def test_a_step_says_what_no_edge_shows(fields: dict[str, Any], line: str) -> None:
    assert drawn({"step_id": "a", **fields}) == [line]


def test_a_loop_is_a_subgraph_titled_by_its_condition() -> None:
    body = [{"step_id": "b", "action": "x"}, {"step_id": "c", "action": "x", "dependencies": ["b"]}]
    loop = {"step_id": "a", "step_type": "loop", "loop_check": "after", "loop_condition": "iteration < 3", "body": body}

    assert drawn(loop) == [
        'subgraph s1 ["a (once, then again while iteration #lt; 3)"]',
        's2["b"]',
        's3["c"]',
        "s2 --> s3",
        "end",
    ]


def test_a_fan_out_is_a_subgraph_titled_by_its_list() -> None:
    fan = {
        "step_id": "a",
        "step_type": "parallel",
        "for_each": "input.items",
        "max_concurrency": 5,
        "add_on": "more",
        "complete_when": "progress.completed > 1",
    }

    assert drawn({**fan, "parallel_steps": [{"step_id": "b", "action": "x"}]}) == [
        'subgraph s1 ["a (for each of input.items, 5 at a time; one more for each event more; '
        'complete when progress.completed #gt; 1)"]',
        's2["b"]',
        "end",
    ]
    assert drawn(fan)[0].startswith('s1["a<br/>for each of input.items, 5 at a time<br/>')


def test_a_step_of_many_copies_has_the_colour_that_says_most() -> None:
    copies = [
        step("fan[0].ship", StepStatus.COMPLETED),
        step("fan[1].ship", StepStatus.FAILED),
        step("fan[2].ship", StepStatus.SKIPPED),
        step("poll#0.look", StepStatus.FAILED),
        step("poll#1.look", StepStatus.RUNNING),
        step("last"),
    ]

    assert step_statuses(copies) == {
        "ship": StepStatus.FAILED,
        "look": StepStatus.RUNNING,
        "last": StepStatus.PENDING,
    }
