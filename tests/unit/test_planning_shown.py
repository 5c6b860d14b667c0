"""What people see of orchestrators and of agents on narrow terminals."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from advanced_workflow.client.errors import RunFailed
from advanced_workflow.client.render.conversation import print_conversation
from advanced_workflow.client.render.outcome import print_failure
from advanced_workflow.client.render.report import RunReport, print_report
from advanced_workflow.client.render.tree import render_tree
from advanced_workflow.client.serve.here import mcp_tools_here
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import (
    ORCHESTRATION_DECISION,
    AuditEntry,
    ChatMessage,
    ConversationPart,
    StepState,
)
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph.plan import build_plan
from advanced_workflow.workflows.engine.monitoring.display import Display
from advanced_workflow.workflows.engine.state.live_state import LiveState
from tests.harness import ROOT
from tests.mcp_server import by_pipes
from tests.unit.shown import BEGAN, NOW, running

REASON = "publish is sensitive"
PLANNED: dict[str, Any] = {
    "decisions": [{"strategy": "parallel", "reason": "x"}, {"strategy": "approval", "reason": REASON}],
    "subtasks": {"find": "completed", "publish": "waiting"},
    "budget": {"replans": 1, "tokens": 30},
}
WORDS = f"approval: {REASON}; 1 of 2 subtasks done; 1 replan; 30 tokens"
LONG = "judge_findings(answer=The Danube flows through Vienna; it is long)"


def snapshot() -> Snapshot:
    """An orchestrator that waits for people, after a subtask with a long call."""
    steps = [
        StepState(
            path="plan",
            step_id="plan",
            name="Plan",
            step_type=StepType.ORCHESTRATOR,
            status=StepStatus.RUNNING,
            execution_data={"orchestration": PLANNED},
        ),
        StepState(
            path="plan[0].find",
            step_id="plan.find",
            name="find",
            step_type=StepType.SEQUENTIAL,
            status=StepStatus.COMPLETED,
            execution_data={"call": LONG},
        ),
    ]
    said = f"approval (complexity 0.5): {REASON}"
    acts = [
        AuditEntry(
            time=BEGAN.isoformat(), operation=ORCHESTRATION_DECISION, by="step plan", reason=said, step_id="plan"
        ),
        AuditEntry(time=BEGAN.isoformat(), operation="pause", by="olga", reason="lunch"),
    ]
    return running(steps, audit=acts, audit_left_out={ORCHESTRATION_DECISION: 3})


def terminal() -> Console:
    return Console(
        file=io.StringIO(), width=80, height=40, force_terminal=True, color_system=None, legacy_windows=False
    )


def written(console: Console) -> list[str]:
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_an_orchestrator_says_what_it_decided_last_and_how_much_is_done() -> None:
    workflow = {
        "workflow_id": "w",
        "steps": [{"step_id": "plan", "step_type": "orchestrator", "orchestrator": {"task": "1", "workers": ["find"]}}],
    }
    state = LiveState(build_plan(AdvancedWorkflow.model_validate(workflow), "of an orchestrator"), None, {})
    record = state.records["plan"]
    record.notes["orchestration"] = PLANNED
    state.change(record, StepStatus.RUNNING)
    details = Display(state, search_attributes=False).details()
    tree, report = terminal(), terminal()
    tree.print(render_tree(snapshot(), NOW, tree))
    print_report(report, RunReport(snapshot()))

    assert f"| plan (`plan`) | running | {WORDS} |" in details
    assert f"      {WORDS}" in written(tree)
    assert WORDS in " ".join(" ".join(written(report)).split())


def test_decisions_of_orchestrators_are_not_acts_of_operators_and_no_word_is_cut_in_them() -> None:
    console = terminal()
    print_report(console, RunReport(snapshot()))
    lines = written(console)
    decisions, operators = lines.index("Decisions of orchestrators"), lines.index("Operators")

    assert lines[decisions + 2].split() == ["before", "3", "more"]
    assert f"approval (complexity 0.5): {REASON}" in lines[decisions + 3]
    assert [line.split()[2:] for line in lines[operators + 2 :]] == [["pause", "olga", "lunch"]]


def test_a_call_that_does_not_fit_a_narrow_terminal_says_that_it_is_cut() -> None:
    console = terminal()
    console.print(render_tree(snapshot(), NOW, console))
    [line] = [one for one in written(console) if "judge_findings" in one]

    assert "…  completed" in line


def test_a_terminal_ends_lines_between_words_and_a_pipe_does_not_end_them() -> None:
    sentence = " ".join(["sufficient"] * 20)
    said = ConversationPart(length=1, messages=[ChatMessage(role="user", content=sentence).as_raw()], turns=0)
    screen, pipe = terminal(), Console(file=io.StringIO(), width=80)
    for console in (screen, pipe):
        print_conversation(console, said)
        print_failure(console, RunFailed(sentence, failure_type="Broken"))

    assert {word for line in written(screen) for word in line.split()} <= {"user", "✘", "x", "Broken:", "sufficient"}
    assert len(written(screen)) > len(written(pipe)) == 3


async def test_a_server_that_is_down_hides_no_tools_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = by_pipes(tmp_path / "ledger")
    file = tmp_path / "servers.yaml"
    file.write_text(f"a-down: {{url: 'http://127.0.0.1:9/mcp'}}\nwarehouse: {json.dumps(program)}\n")
    monkeypatch.setenv("ADW_MCP_SERVERS", str(file))
    monkeypatch.chdir(ROOT)

    found, problems = await mcp_tools_here(None)

    assert "reserve" in {one["tool"] for one in found}
    assert {one["server"] for one in found} == {"warehouse"}
    assert len(problems) == 1
    assert problems[0].startswith("MCP server 'a-down' cannot be reached: ")
