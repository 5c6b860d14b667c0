"""Whatever names, inputs, errors and answers hold: no command's output obeys it, hides it, or lets it begin a line."""

from __future__ import annotations

import io
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console, RenderableType
from rich.text import Text

from advanced_workflow.client.cli import definition_commands, output, rerun_command, run_commands
from advanced_workflow.client.errors import RunFailed
from advanced_workflow.client.render.console import Lines, SafeConsole
from advanced_workflow.client.render.graph import mermaid
from advanced_workflow.client.render.live import show_snapshots
from advanced_workflow.client.render.outcome import print_failure, print_result
from advanced_workflow.client.render.report import RunReport, print_report
from advanced_workflow.client.render.tree import render_tree
from advanced_workflow.client.serve.logs import JsonFormatter, TextFormatter
from advanced_workflow.client.service.description import RunSummary
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import (
    AuditEntry,
    Effects,
    ErrorInfo,
    PendingApproval,
    RejectedDecision,
    RollbackReport,
    RunResult,
    RunState,
    RunStatus,
    StepState,
    UndoEntry,
    UndoOutcome,
)
from advanced_workflow.workflows.definition.check.check import check_text
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.plain.text import visible
from tests.unit.plain.test_visible import HOSTILE

FORGED = "FORGED"
EVIL = f"x\n{FORGED} line\r{FORGED} again {HOSTILE}"
NOW = datetime(2026, 1, 2, tzinfo=UTC)
TIME = "2026-01-02T00:00:00Z"
ERROR = ErrorInfo(type=EVIL, message=EVIL)


def _step(path: str, **more: Any) -> StepState:
    return StepState(path=path, step_id=EVIL, name=EVIL, step_type=StepType.SEQUENTIAL, **more)


def _undo() -> UndoEntry:
    return UndoEntry(
        path=EVIL,
        step_id=EVIL,
        action=EVIL,
        activity_id=EVIL,
        outcome=UndoOutcome.FAILED,
        step_outcome="unknown",
        idempotency_key=EVIL,
        error=ERROR,
    )


def _snapshot(*, ended: bool = False) -> Snapshot:
    rollback = RollbackReport(reason=EVIL, complete=False, entries=[_undo()])
    state = RunState(
        execution_id=EVIL,
        workflow_id=EVIL,
        version=EVIL,
        definition_sha256=EVIL,
        status=RunStatus.RUNNING,
        start_time=TIME,
        steps=[
            _step("a", status=StepStatus.WAITING, waiting_for=EVIL),
            _step("b", status=StepStatus.FAILED, error_info=ERROR),
        ],
        rollback=rollback,
        rejected_decisions=[RejectedDecision.model_construct(time=TIME, code=EVIL, message=EVIL, payload=EVIL)],
        audit=[AuditEntry.model_construct(time=TIME, operation=EVIL, step_id=EVIL, by=EVIL, reason=EVIL)],
    )
    return Snapshot(_summary(ended=ended), {}, {}, state, False)


def _summary(*, ended: bool = False) -> RunSummary:
    return RunSummary(
        EVIL, EVIL, EVIL, "completed" if ended else "running", EVIL, NOW, NOW if ended else None, 9, (EVIL,)
    )


def _result() -> RunResult:
    return RunResult.model_construct(
        execution_id=EVIL,
        workflow_id=EVIL,
        version=EVIL,
        status=RunStatus.FAILED,
        result={EVIL: [EVIL, {"a": EVIL}]},
        steps={},
        rollback=RollbackReport(reason=EVIL, complete=False, entries=[_undo()]),
        error=ERROR,
        duration_seconds=1.0,
    )


def _approval() -> PendingApproval:
    return PendingApproval.model_construct(
        path=EVIL,
        step_id=EVIL,
        name=EVIL,
        prompt=EVIL,
        subject={EVIL: EVIL},
        approvers=[EVIL],
        required=1,
        approvals=[],
        deadline=None,
        on_timeout="fail",
        digest=EVIL,
        requested_at="2026-01-02T03:04:05Z",
        form={"properties": {EVIL: {"type": "string", "description": EVIL}}, "required": [EVIL]},
    )


def _failure() -> RunFailed:
    return RunFailed(EVIL, failure_type=EVIL, result=_result())


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> SafeConsole:
    """Everything that a command prints, on a wide screen, so that nothing is folded."""
    made = SafeConsole(file=io.StringIO(), width=2000, highlight=False, markup=False, emoji=False)
    for module in (run_commands, rerun_command, definition_commands):
        monkeypatch.setattr(module, "console", lambda: made)
    return made


def _require_safe(text: str, *, lines_are_meant: bool = False) -> None:
    assert FORGED in text
    for line in text.split("\n"):
        # A Mermaid or JSON text, a question and a subject may have lines, and all of them are indented or quoted.
        assert visible(line) == line, ascii(line)
        assert not line.startswith(FORGED), text
        if not lines_are_meant:
            assert not line.strip().startswith(FORGED), text


def _written(screen: Console) -> str:
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


async def test_the_pages_of_a_run(screen: SafeConsole) -> None:
    report = RunReport(_snapshot(), [_approval()], _result(), _failure(), EVIL)
    print_report(screen, report)
    print_report(screen, RunReport(_snapshot(ended=True), [], _result(), _failure()))

    _require_safe(_written(screen), lines_are_meant=True)


async def test_the_steps_of_a_run_while_it_is_watched(screen: SafeConsole) -> None:
    async def snapshots() -> AsyncIterator[Snapshot]:
        yield _snapshot()
        yield _snapshot(ended=True)

    await show_snapshots(snapshots(), screen)
    screen.print(render_tree(_snapshot(), NOW, screen))

    _require_safe(_written(screen))


def test_the_end_of_a_run_the_list_of_runs_and_what_a_rerun_keeps(screen: SafeConsole) -> None:
    print_result(screen, _result())
    print_failure(screen, _failure())
    run_commands._print_runs([_summary(), _summary(ended=True)])
    left = Effects(steps=[EVIL], entries=[_undo()])
    planned: Any = type("Planned", (), {"kept": (EVIL,), "again": {EVIL: EVIL}, "left": left})()
    rerun_command._print_plan(planned)
    screen.print(f"{EVIL}: cancel requested")

    _require_safe(_written(screen), lines_are_meant=True)


def test_problems_of_a_definition(screen: SafeConsole) -> None:
    written = "".join(f"\\u{ord(one):04x}" for one in EVIL if ord(one) < 0x10000 and not 0xD800 <= ord(one) < 0xE000)
    text = f'{{"workflow_id": "{written}", "{written}": 1, "steps": [{{"step_id": "{written}", "action": 3}}]}}'
    definition_commands._print_problems(screen, {EVIL: check_text(text, EVIL)})

    _require_safe(_written(screen))


def test_a_definition_as_a_flowchart() -> None:
    workflow = AdvancedWorkflow.model_construct(
        workflow_id="w",
        name=EVIL,
        version=EVIL,
        steps=(WorkflowStep.model_construct(step_id="a", name=EVIL, step_type=StepType.SEQUENTIAL),),
    )

    _require_safe(mermaid(workflow))


def test_sentences_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    output.complain(EVIL)
    output.note(EVIL)
    output.print_json({EVIL: [EVIL]})
    printed = capsys.readouterr()

    for line in (printed.out + printed.err).split("\n"):
        assert visible(line) == line
        assert not line.startswith(FORGED)


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_lines_of_the_log(formatter: logging.Formatter) -> None:
    try:
        raise ValueError(EVIL)
    except ValueError as error:
        failed = (type(error), error, error.__traceback__)
    record = logging.LogRecord("n", logging.INFO, "p", 1, "said %s", (EVIL,), failed)
    record.step = EVIL

    _require_safe(formatter.format(record), lines_are_meant=True)


@pytest.mark.parametrize("made", [EVIL, Text(EVIL, "red"), Lines(EVIL)])
def test_the_console_lets_nothing_through(made: RenderableType) -> None:
    screen = SafeConsole(file=io.StringIO(), width=2000, force_terminal=True, color_system=None)
    screen.print("first", made)
    lines = _written(screen).split("\n")

    assert all(visible(line) == line for line in lines)
    assert len(lines) == 2 or isinstance(made, Lines)


def test_the_lines_of_a_result_stay_lines() -> None:
    screen = SafeConsole(file=io.StringIO(), width=200, force_terminal=True, color_system=None)
    print_result(
        screen, _result().model_copy(update={"rollback": None, "result": {"total": 200, "note": "a\nb\u202e"}})
    )

    assert _written(screen).split("\n")[1:5] == ["{", '  "total": 200,', '  "note": "a\\nb\\u202e"', "}"]
