"""What people see of agents: rows, last words, the conversation, and what metrics and spans are called."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console
from temporalio.api.common.v1 import Payloads
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.api.workflowservice.v1 import DescribeWorkflowExecutionResponse
from temporalio.converter import DataConverter

from advanced_workflow.client.render.conversation import print_conversation
from advanced_workflow.client.render.lines import ChangeLines
from advanced_workflow.client.render.report import RunReport, print_report
from advanced_workflow.client.render.rows import step_rows
from advanced_workflow.client.render.tree import render_tree
from advanced_workflow.client.service.description import Attempt, read_attempts
from advanced_workflow.client.watch import Snapshot
from advanced_workflow.workflows.contract import (
    AgentHead,
    ChatMessage,
    ConversationPart,
    ErrorInfo,
    ModelProgress,
    StepState,
    ToolCall,
    ToolSchema,
)
from advanced_workflow.workflows.contract.paths import StepPath, turn_name
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph.plan import build_plan
from advanced_workflow.workflows.engine.monitoring.display import Display
from advanced_workflow.workflows.engine.monitoring.gen_ai import attributes_of, labels_of, metric_of, span_name
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.engine.state.record import Record
from tests.unit.shown import BEGAN, NOW, running

SPENT: dict[str, Any] = {"turns": 1, "tool_calls": 2, "tokens": 36, "cost": 0.25}


def snapshot(progress: ModelProgress | None) -> Snapshot:
    agent = StepState(
        path="look",
        step_id="look",
        name="Look",
        step_type=StepType.REACT,
        status=StepStatus.RUNNING,
        execution_data={"agent": SPENT},
    )
    call = StepState(
        path="look[0].find#1",
        step_id="look.find",
        name="find",
        step_type=StepType.SEQUENTIAL,
        status=StepStatus.COMPLETED,
        execution_data={"call": "find(of=\x1b[31mx)"},
    )
    asked = Attempt(
        "look[1].model", "adw.model", 1, 3, "started", BEGAN, NOW, None, "w", None, False, progress=progress
    )
    return running([agent, call], {asked.path: asked})


SPEAKS = ModelProgress(agent="look", turn=2, model="openai:gpt-5", tokens=7, last="the pool\nis full \x1b[2J")


def printed(snapshot: Snapshot) -> tuple[str, str]:
    """As `watch` and as `show` prints it."""
    consoles = [Console(file=io.StringIO(), width=200, height=30) for _ in "ab"]
    consoles[0].print(render_tree(snapshot, NOW, consoles[0]))
    print_report(consoles[1], RunReport(snapshot))
    first, second = (console.file for console in consoles)
    assert isinstance(first, io.StringIO)
    assert isinstance(second, io.StringIO)
    return first.getvalue(), second.getvalue()


def test_an_agent_says_its_turn_model_cost_and_last_words_and_names_its_calls_with_their_turn() -> None:
    tree, report = printed(snapshot(SPEAKS))

    for text in (tree, report):
        assert "turn 2: asks openai:gpt-5; 2 tool calls, 36 tokens, cost 0.25" in " ".join(text.split())
        assert "the pool is full" in text
        assert "turn 1: find(of=" in text
        assert "[0].find#1" in text
        assert "\x1b" not in text


def test_last_words_are_no_line_of_a_log() -> None:
    lines = ChangeLines()
    first = list(lines.lines(snapshot(SPEAKS), NOW))

    assert "the pool" not in "".join(first)
    assert list(lines.lines(snapshot(SPEAKS.model_copy(update={"last": "other words"})), NOW)) == []


def test_an_agent_whose_model_says_nothing_yet_has_no_words() -> None:
    [agent, _] = step_rows(snapshot(None), NOW)

    assert (agent.note, agent.words) == ("turn 2: asks its model; 2 tool calls, 36 tokens, cost 0.25", "")


@pytest.mark.parametrize(
    ("path", "name"),
    [("look[0].find#1", "turn 1"), ("a[3].look[9].find#0", "turn 10"), ("look[1].helper#0[2].find#0", "helper turn 3")],
)
def test_a_call_is_in_a_turn_of_its_agent(path: str, name: str) -> None:
    assert turn_name(StepPath(path)) == name


class _Service:
    data_converter = DataConverter.default


@pytest.mark.parametrize(
    ("state", "beat_after_start", "words"),
    [("STARTED", 1, "so far"), ("STARTED", -1, None), ("SCHEDULED", 1, None), ("CANCEL_REQUESTED", 1, None)],
)
async def test_last_words_are_those_of_the_attempt_that_runs(
    state: str, beat_after_start: int, words: str | None
) -> None:
    info = PendingActivityInfo(
        activity_id="look[0].model", state=PendingActivityState.Value(f"PENDING_ACTIVITY_STATE_{state}")
    )
    info.activity_type.name = "adw.model"
    info.last_started_time.FromDatetime(BEGAN)
    info.last_heartbeat_time.FromDatetime(BEGAN + timedelta(seconds=beat_after_start))
    said = ModelProgress(agent="look", turn=1, last="so far").model_dump()
    details = await DataConverter.default.encode([said])
    info.heartbeat_details.CopyFrom(Payloads(payloads=details))
    client: Any = _Service()
    assert isinstance(client.data_converter, DataConverter)

    async def read() -> ModelProgress | None:
        found = await read_attempts(client, DescribeWorkflowExecutionResponse(pending_activities=[info]))
        return found["look[0].model"].progress

    progress = await read()
    assert (progress and progress.last) == words
    info.heartbeat_details.payloads[0].data = b"not JSON"
    assert await read() is None


def test_a_conversation_is_printed_with_turns_and_without_secrets() -> None:
    secret = {"type": "object", "properties": {"token": {"type": "string", "writeOnly": True}}}
    head = AgentHead(instructions="Help.", tools=[ToolSchema(name="restart", parameters=secret)])
    call = ToolCall(id="1", name="restart", arguments={"service": "a", "token": "canary"})
    half = ToolCall(id="2", name="restart", text='{"token": "canary', error="it is cut.")
    messages = [
        ChatMessage(role="user", content="go"),
        ChatMessage(role="assistant", tool_calls=[call, half]),
        ChatMessage(role="tool", name="restart", tool_call_id="1", content="broken", error=True),
    ]
    said = ConversationPart(
        length=3, messages=[one.as_raw() for one in messages], head=head.model_dump(mode="json"), turns=4
    )
    console = Console(file=io.StringIO(), width=100)
    print_conversation(console, said, SPEAKS)

    assert isinstance(console.file, io.StringIO)
    assert [line.rstrip() for line in console.file.getvalue().splitlines()] == [
        "instructions",
        "  Help.",
        "user",
        "  go",
        "assistant, turn 4",
        '  calls restart {"service": "a"} (not shown: token)',
        "  calls restart it is cut.",
        "tool restart (failed)",
        "  broken",
        "assistant, turn 2, answers now (7 pieces so far)",
        "  the pool",
        "  is full \\x1b[2J",
    ]


PLAN = build_plan(
    AdvancedWorkflow.model_validate(
        {
            "workflow_id": "w",
            "steps": [
                {
                    "step_id": "look",
                    "name": "Look",
                    "step_type": "react",
                    "agent": {
                        "model": "openai:gpt-5",
                        "tools": ["find", {"name": "helper", "agent": {"model": "scripted:x"}}],
                    },
                }
            ],
        }
    ),
    "sha",
)


def record(step_id: str, path: str, **more: Any) -> Record:
    return Record(PLAN.runnable[step_id], StepPath(path), **more)


def test_spans_and_metrics_of_agents_and_tools_have_the_names_of_the_conventions() -> None:
    agent = record("look", "look", notes={"agent": SPENT})
    tool = record("look.find", "look[2].find#0", cursor={"call_id": "c7"}, error=ErrorInfo(type="Broken", message="x"))
    helper = record("look.helper", "look[2].helper#1")

    assert [span_name(one.plan) for one in (agent, tool, helper)] == [
        "invoke_agent look",
        "execute_tool find",
        "invoke_agent helper",
    ]
    assert [metric_of(one.plan) for one in (agent, tool)] == [
        "gen_ai_invoke_agent_duration",
        "gen_ai_execute_tool_duration",
    ]
    assert labels_of(agent) == {
        "gen_ai_operation_name": "invoke_agent",
        "gen_ai_agent_name": "look",
        "gen_ai_provider_name": "openai",
        "gen_ai_request_model": "openai:gpt-5",
    }
    assert labels_of(tool) == {
        "gen_ai_operation_name": "execute_tool",
        "gen_ai_tool_name": "find",
        "error_type": "Broken",
    }
    assert attributes_of(agent, "e1") == {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-5",
        "gen_ai.agent.name": "look",
        "gen_ai.agent.id": "look",
        "gen_ai.conversation.id": "e1:look",
        **{f"adw.agent.{name}": value for name, value in SPENT.items()},
    }
    assert attributes_of(tool, "e1") == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "find",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "c7",
        "gen_ai.conversation.id": "e1:look",
        "adw.agent.turn": 3,
        "error.type": "Broken",
    }
    assert attributes_of(helper, "e1")["gen_ai.conversation.id"] == "e1:look[2].helper#1"


def test_current_details_say_what_an_agent_does_now() -> None:
    state = LiveState(PLAN, None, {})
    agent = state.records["look"]
    agent.notes["agent"] = SPENT
    state.change(agent, StepStatus.RUNNING)
    display = Display(state, search_attributes=False)

    assert "turn 2: asks its model; 2 tool calls, 36 tokens, cost 0.25" in display.details()
    call = record("look.find", "look[0].find#0", notes={"call": "find(of=x)"})
    state.records[call.path] = call
    state.counts[StepStatus.PENDING] += 1
    state.change(call, StepStatus.RUNNING)

    assert "turn 1: runs find(of=x); 2 tool calls" in display.details()
    assert "| turn 1: find(of=x) (`look[0].find#0`) | running |" in display.details()
