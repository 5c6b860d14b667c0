from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import ANY

import pytest

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run
from advanced_workflow.workflows.contract import UndoInput
from advanced_workflow.workflows.errors import AlreadyDecided, DigestMismatch, NotAnApprover, UnknownStep
from tests.engine.models import Model, calls, fails, says, tools_catalog
from tests.engine.partner import http, partner
from tests.harness import Harness, Outcome, definition, eventually, outcome_of

ONCE = {"max_attempts": 1}


def agent(*tools: Any, step: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    return {
        "step_id": "look",
        "step_type": "react",
        "agent": {"model": "test", "tools": list(tools), **fields},
        **(step or {}),
    }


@asynccontextmanager
async def serving(harness: Harness, model: Model, **tools: Callable[..., Any]) -> AsyncGenerator[None, None]:
    async with harness.worker(tools, activities=[model.activity], catalog=tools_catalog(tools)):
        yield


async def run(harness: Harness, model: Model, workflow: Any, data: Any = None, **tools: Callable[..., Any]) -> Outcome:
    async with serving(harness, model, **tools):
        return await outcome_of(await harness.start(workflow, data))


def contents(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["role"], one.get("content", "")) for one in messages]


def restart(service: str, tenant: str = "none") -> dict[str, str]:
    """Restart a service.

    It takes a minute.
    """
    return {"restarted": service, "of": tenant}


async def test_the_model_is_asked_until_it_answers_and_its_calls_are_steps(harness: Harness) -> None:
    model = Model([calls(("restart", {"service": "a"}), ("count", {"of": 3})), says("it works")])
    bound = {"action": "restart", "input_mapping": {"tenant": "input.tenant"}}
    workflow = definition(
        agent(
            bound,
            "count",
            instructions="Look after {{ input.tenant }}, {{ [1, 2] }}.",
            prompt="'Is ' + input.x + ' up?'",
        ),
        output={"said": "steps.look.output"},
    )
    outcome = await run(harness, model, workflow, {"tenant": "t1", "x": "a"}, restart=restart, count=lambda of: of)

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"said": "it works"}
    assert contents(model.conversations[1]) == [
        ("user", "Is a up?"),
        ("assistant", ""),
        ("tool", '{"of":"t1","restarted":"a"}'),
        ("tool", "3"),
    ]
    assert model.head is not None
    assert model.head["instructions"] == "Look after t1, [1,2]."
    [first, second] = model.head["tools"]
    assert first["description"].startswith("Restart a service.\n\nIt takes")
    assert list(first["parameters"]["properties"]) == ["service"]
    assert second["name"] == "count"
    assert set(outcome.report.steps) == {"look", "look[0].restart#0", "look[0].count#1"}
    rows = [event.user_metadata.summary.data for event in (await outcome.handle.fetch_history()).events]
    assert [json.loads(one) for one in rows if one][3:] == [
        "turn 1: test",
        "turn 1: restart(service=a)",
        "turn 1: count(of=3)",
        "turn 2: test",
    ]


class Ledger:
    """Tools that note what they did, and undo it."""

    def __init__(self, **failing: str) -> None:
        self.failing = failing
        self.made: list[str] = []
        self.undone: list[str] = []

    @property
    def tools(self) -> dict[str, Callable[..., Any]]:
        def put(name: str) -> dict[str, str]:
            self.made.append(name)
            if name in self.failing:
                raise ActionError(f"{name} is broken", type=self.failing[name], retryable=False)
            return {"put": name}

        def take(undo: UndoInput) -> None:
            self.undone.append(undo.input["name"])

        return {"put": put, "take": take}


PUT = {"action": "put", "rollback_actions": ["take"]}


def put(*names: str) -> dict[str, Any]:
    return calls(*(("put", {"name": name}) for name in names))


async def test_calls_that_cannot_be_made_or_fail_are_answers_that_the_model_sees(harness: Harness) -> None:
    ledger = Ledger(b="Broken")
    wrong = calls(("nope", {}), ("put", {"nam": 1}), ("put", {"name": "b"}))
    wrong["message"]["tool_calls"].append({"id": "x", "name": "put", "arguments": {}, "error": "half of it is missing"})
    model = Model([wrong, says("sorry")])
    outcome = await run(harness, model, definition(agent(PUT)), **ledger.tools)

    assert outcome.failure is None, outcome.message
    told = [json.loads(one["content"]) for one in model.conversations[1][2:]]
    assert [(one["error"], one["message"]) for one in told] == [
        ("UnknownTool", "there is no tool 'nope'. There are: put."),
        ("InputInvalid", ANY),
        ("Broken", "b is broken"),
        ("InputInvalid", "half of it is missing"),
    ]
    assert "'name' is missing" in told[1]["message"] or "name" in told[1]["message"]
    assert all(one["error"] for one in model.conversations[1][2:])
    assert ledger.made == ["b"]


async def test_an_answer_of_another_shape_fails_the_agent_and_stops_no_run(harness: Harness) -> None:
    """Such as a worker of another release could give: the next model is asked, and the last failure is the agent's."""
    no_list, no_object = says(""), put("a")
    no_list["message"]["tool_calls"] = None
    no_object["message"]["tool_calls"][0]["arguments"] = ["a"]
    ledger = Ledger()
    first = await run(harness, Model([no_list]), definition(agent(PUT)), **ledger.tools)
    second = await run(harness, Model([put("b"), no_object]), definition(agent(PUT)), **ledger.tools)

    assert "the answer of 'adw.model' is not one: tool_calls: should be a list" in first.message
    assert "the answer of 'adw.model' is not one: tool_calls.0.arguments: should be an object" in second.message
    assert ledger.undone == ["b"]


async def test_an_answer_that_does_not_fit_goes_back_and_the_last_failure_undoes_turn_by_turn(harness: Harness) -> None:
    schema = {"type": "object", "required": ["cause"], "properties": {"cause": {"type": "string"}}}
    ledger = Ledger()
    good = Model([says("it was me"), says('```json\n{"cause": 1}\n```'), says('{"cause": "me"}')])
    bad = Model([put("a", "b"), put("c"), says("no"), says("no"), says("still no")])
    workflow = definition(agent(PUT, output_schema=schema), output={"cause": "steps.look.output.cause"})
    first = await run(harness, good, workflow, **ledger.tools)
    second = await run(harness, bad, workflow, **ledger.tools)

    assert first.data == {"cause": "me"}
    said = "Your answer cannot be used: it is not valid JSON (Expecting value: line 1 column 1 (char 0)), and nothing but JSON is read. Answer again."
    assert good.conversations[1][-1]["content"] == said
    assert ".cause: " in good.conversations[2][-1]["content"]
    assert second.failure == "WorkflowFailed"
    assert second.report.error is not None
    assert second.report.error.type == "OutputInvalid"
    assert len(bad.requests) == 5
    assert ledger.undone[0] == "c"
    assert sorted(ledger.undone[1:]) == ["a", "b"]
    assert second.report.rollback is not None
    assert second.report.rollback.complete
    rows = [one.user_metadata.summary.data.decode() for one in (await second.handle.fetch_history()).events]
    assert next(one for one in rows if "undo" in one) == '"undo turn 2: put(name=c)"'


@pytest.mark.parametrize(
    ("fields", "limit", "made"),
    [
        ({"max_turns": 2}, "max_turns", ["t1"]),
        ({"max_tokens": 40}, "max_tokens", ["t1", "t2"]),
        ({"max_tool_calls": 1}, "max_tool_calls", ["t1"]),
        ({"max_cost": 1.0}, "max_cost", []),
    ],
)
async def test_a_limit_ends_the_agent_before_it_acts_in_vain(
    harness: Harness, fields: dict[str, Any], limit: str, made: list[str]
) -> None:
    ledger, finishing = Ledger(), Ledger()
    script = [lambda request, _: put(f"t{request.turn}")]

    def ends(request: Any, _: Any) -> Any:
        return says(f"after {request.turn}: {request.view.ask}") if request.answer_only else put(f"t{request.turn}")

    model = Model([ends])
    failed = await run(harness, Model(script), definition(agent(PUT, **fields)), **ledger.tools)
    answered = await run(
        harness,
        model,
        definition(agent(PUT, **fields, on_limit="answer"), output={"said": "steps.look.output"}),
        **finishing.tools,
    )

    assert failed.report.error is not None
    assert (failed.report.error.type, failed.report.error.details) == ("AgentLimitExceeded", {"limit": limit})
    assert ledger.made == made
    assert ledger.undone == made[::-1]
    assert answered.failure is None, answered.message
    assert "final answer now" in answered.data["said"]
    assert finishing.undone == []


async def test_the_next_model_is_asked_where_one_fails_for_good(harness: Harness) -> None:
    def by_model(request: Any, _: Any) -> Any:
        return fails("ModelQuotaExceeded") if request.model == "one" else says(request.model)

    step = agent(model="one", fallback_models=["two"], output_retries=0)
    last = agent(model="one")
    model = Model([by_model])
    outcome = await run(harness, model, definition(step, output={"said": "steps.look.output"}))
    failed = await run(harness, Model([by_model]), definition(last))

    assert outcome.data == {"said": "two"}
    assert [one.model for one in model.requests] == ["one", "two"]
    assert failed.report.error is not None
    assert failed.report.error.type == "ModelQuotaExceeded"


async def test_a_failed_call_may_fail_the_agent_and_an_operator_has_it_continue(harness: Harness) -> None:
    ledger = Ledger(b="Broken")
    model = Model([put("a"), put("b", "c"), says("done")])
    workflow = definition(agent(PUT, tool_errors="fail"), on_failure="pause", output={"said": "steps.look.output"})
    async with serving(harness, model, **ledger.tools):
        running = await harness.start(workflow)
        held = await eventually(lambda: _status(running, "look", "failed"))
        del ledger.failing["b"]
        await running.retry_step("look", "it is mended", by="op")
        outcome = await outcome_of(running)

    assert held.error_info.type == "Broken"
    assert outcome.data == {"said": "done"}
    assert ledger.made[0] == "a"
    assert sorted(ledger.made[1:]) == ["b", "b", "c"]
    assert len(model.requests) == 3
    assert ledger.undone == []


async def _status(running: Run, path: str, status: str) -> Any:
    [step] = (await running.state(path)).steps
    return step if step.status == status else None


async def test_an_agent_continues_in_new_histories_with_its_conversation_and_undoes_all_turns(harness: Harness) -> None:
    ledger = Ledger()
    small = replace(harness, continue_after=60)
    small.handles = harness.handles

    def script(request: Any, messages: list[Any]) -> Any:
        assert len(messages) == 3 * request.turn - 2
        if request.turn == 12:
            return fails("ModelAccessDenied")
        return put(f"{request.turn}a", f"{request.turn}b")

    model = Model([script])
    outcome = await run(small, model, definition(agent(PUT, max_turns=20)), **ledger.tools)

    assert outcome.report.error is not None, outcome.message
    assert outcome.report.error.type == "ModelAccessDenied"
    assert len([one for one in await harness.histories() if one.workflow_id == outcome.handle.id]) >= 3
    assert len(ledger.made) == len(set(ledger.made)) == 22
    turns = [name[:-1] for name in ledger.undone]
    assert turns == [str(turn) for turn in range(11, 0, -1) for _ in "ab"]
    assert all("head" not in one.model_dump(exclude_none=True) for one in model.requests[1:])


async def test_people_approve_the_exact_call_and_reject_another(harness: Harness) -> None:
    ledger = Ledger()
    small = replace(harness, continue_after=40)
    small.handles = harness.handles
    tool = {**PUT, "approve": "call.name != 'free'", "approval": {"approvers": ["ann"], "deadline": 600}}
    model = Model([put("free", "x", "y", "z"), says("done")])
    async with serving(small, model, **ledger.tools):
        running = await small.start(definition(agent(tool)))
        asked = {one.path: one for one in await eventually(lambda: _asked(running, 3))}
        assert [one.subject["arguments"]["name"] for one in asked.values()] == ["x", "y", "z"]
        await eventually(lambda: ledger.made == ["free"])
        [progress] = (await running.progress()).agents
        assert (progress.path, progress.turns, progress.tool_calls, progress.tokens) == ("look", 1, 4, 15)
        assert [one.content for one in await running.conversation("look")] == ["Begin.", ""]
        one, two, three = asked
        with pytest.raises(DigestMismatch, match="is one call of many"):
            await running.approve(one, approver="ann")
        with pytest.raises(DigestMismatch):
            await running.approve(one, approver="ann", digest=asked[two].digest)
        with pytest.raises(UnknownStep):
            await running.approve("look[7].put#0", approver="ann")
        with pytest.raises(NotAnApprover):
            await running.approve(one, approver="bob", digest=asked[one].digest)
        await running.approve("look.put", approver="ann", digest=asked[one].digest)
        await running.reject(two, approver="ann", digest=asked[two].digest, comment="not that one")
        with pytest.raises(AlreadyDecided):
            await running.approve(two, approver="ann", digest=asked[two].digest)
        await running.skip_step(three, "done by hand", by="op", output={"put": "by hand"})
        outcome = await outcome_of(running)

    assert outcome.failure is None, outcome.message
    assert ledger.made == ["free", "x"]
    said = [json.loads(message["content"]) for message in model.conversations[1][2:]]
    assert said[0] == {"put": "free"}
    assert said[1] == {"put": "x"}
    assert (said[2]["error"], said[2]["approver"], said[2]["comment"]) == ("ApprovalRejected", "ann", "not that one")
    assert said[3] == {"put": "by hand"}


async def _asked(running: Run, count: int) -> Any:
    pending = await running.pending_approvals()
    return pending if len(pending) == count else None


async def test_a_cancelled_run_undoes_the_calls_that_were_under_way(harness: Harness) -> None:
    ledger, reached = Ledger(), asyncio.Event()

    async def hang(name: str) -> None:
        ledger.made.append(name)
        reached.set()
        await asyncio.Event().wait()

    model = Model([put("a"), calls(("hang", {"name": "h"}))])
    hanging = {"action": "hang", "rollback_actions": ["take"], "retry_policy": ONCE}
    async with serving(harness, model, **ledger.tools, hang=hang):
        running = await harness.start(definition(agent(PUT, hanging)))
        await reached.wait()
        await running.cancel()
        outcome = await outcome_of(running)

    assert outcome.failure == "Cancelled", outcome.message
    assert ledger.undone == ["h", "a"]


async def test_a_definition_is_a_tool_and_its_run_is_undone_with_the_call(harness: Harness) -> None:
    ledger = Ledger()
    child = definition(
        {"step_id": "put", "input_mapping": {"name": "input.name"}, "rollback_actions": ["take"]},
        workflow_id="deploy",
        description="Deploys a thing.",
        input_schema={"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
        output={"deployed": "input.name"},
    )
    model = Model([calls(("deploy", {"name": "v2"})), fails("ModelAccessDenied")])
    tools = {**ledger.tools}
    async with harness.worker(tools, [child], activities=[model.activity], catalog=tools_catalog(tools)):
        outcome = await outcome_of(await harness.start(definition(agent({"workflow": "deploy"}))))

    assert model.head is not None
    assert model.head["tools"][0]["description"] == "Deploys a thing."
    assert json.loads(model.conversations[1][-1]["content"]) == {"deployed": "v2"}
    assert outcome.failure == "WorkflowFailed"
    assert ledger.undone == ["v2"]


@pytest.mark.parametrize("strategy", ["clear_tool_results", "summarise"])
async def test_a_long_conversation_is_shown_shorter_and_stays_whole(harness: Harness, strategy: str) -> None:
    def script(request: Any, messages: list[Any]) -> Any:
        if request.view.ask:
            return says("in short")
        if request.turn == 4 and not request.view.skip and request.view.cleared < len(messages):
            return fails("ContextTooLong")
        return put(f"{request.turn}") if request.turn < 4 else says("done")

    model = Model([script])
    context = {"max_tokens": 12, "strategy": strategy}
    outcome = await run(harness, model, definition(agent(PUT, context=context)), **Ledger().tools)

    assert outcome.failure is None, outcome.message
    views = [
        (one.turn, one.view.cleared, one.view.skip, one.view.summary, bool(one.view.ask)) for one in model.requests
    ]
    if strategy == "clear_tool_results":
        assert views == [
            (1, 0, 0, "", False),
            (2, 1, 0, "", False),
            (3, 3, 0, "", False),
            (4, 5, 0, "", False),
            (4, 7, 0, "", False),
        ]
    else:
        assert views[:3] == [(1, 0, 0, "", False), (2, 0, 0, "", True), (2, 0, 1, "in short", False)]
    assert [len(one) for one in model.conversations][-1] == 7


async def test_a_request_is_a_tool_and_is_sent_as_it_was_approved(harness: Harness) -> None:
    tell = {
        "name": "tell",
        "webhook": {"url": "input.url + '/' + call.to", "body": {"text": "call.text"}},
        "parameters": {"type": "object", "required": ["to", "text"]},
        "approve": True,
    }
    model = Model([calls(("tell", {"to": "ann", "text": "hello"})), says("told")])
    with partner() as service:
        async with harness.worker(activities=[model.activity, *http("127.0.0.1")]):
            running = await harness.start(definition(agent(tell)), {"url": service.address})
            [asked] = await eventually(lambda: _asked(running, 1))
            await running.approve(asked.path, approver="ann", digest=asked.digest)
            outcome = await outcome_of(running)

    assert outcome.failure is None, outcome.message
    assert asked.subject["arguments"]["body"] == {"text": "hello"}
    [request] = service.requests
    assert (request["path"], request["body"]) == ("/ann", {"text": "hello"})
    assert request["headers"]["idempotency-key"].endswith(":look[0].tell#0")


async def test_a_tool_gets_no_secret_of_a_step_that_is_called_like_it(harness: Harness, monkeypatch: Any) -> None:
    monkeypatch.setenv("ADW_SECRET_TOKEN", "s3cret-value")
    request = {"url": "input.url", "headers": {"Authorization": "'{{secret:TOKEN}}'"}}
    tool = {"name": "tell", "webhook": request, "parameters": {"type": "object"}}
    step = {"step_id": "tell", "step_type": "webhook", "webhook": request, "dependencies": ["look"]}
    workflow = definition(agent(tool), step, output={"told": "steps.tell.output.status"})
    told: dict[str, list[str]] = {}
    with partner() as service:
        for bound in ("tell", "look.tell"):
            model = Model([calls(("tell", {})), says("told")])
            bindings = (f"TOKEN={service.address}@AdvancedWorkflow/{bound}",)
            async with harness.worker(activities=[model.activity, *http("127.0.0.1", secrets=bindings)]):
                outcome = await outcome_of(await harness.start(workflow, {"url": service.address}))
            told[bound] = [outcome.failure or "", model.conversations[-1][-1]["content"][:120]]

    assert (told["tell"][0], told["look.tell"][0]) == ("", "WorkflowFailed")
    assert "for step 'look.tell'" in told["tell"][1]
    assert [one["headers"]["authorization"] for one in service.requests] == ["s3cret-value"] * 2


async def test_an_agent_is_a_tool_and_what_it_did_is_undone_turn_by_turn(harness: Harness) -> None:
    ledger = Ledger()
    small = replace(harness, continue_after=60)
    small.handles = harness.handles

    def script(request: Any, messages: list[Any]) -> Any:
        if request.agent == "look":
            work = calls(("sub", {"task": f"s{request.turn}"}), ("put", {"name": f"o{request.turn}"}))
            return work if request.turn < 3 else fails("ModelAccessDenied")
        task = json.loads(messages[0]["content"])["task"]
        return put(f"{task}-{request.turn}") if request.turn < 4 else says(f"{task} is done")

    model = Model([script])
    sub = {"name": "sub", "agent": {"model": "inner", "tools": [PUT]}}
    outcome = await run(small, model, definition(agent(sub, PUT)), **ledger.tools)

    assert outcome.report.error is not None, outcome.message
    assert outcome.report.error.type == "ModelAccessDenied"
    [last] = [one for one in model.conversations if len(one) == 7 and one[0]["content"] == "Begin."]
    assert last[-2]["content"] == "s2 is done"
    assert len(ledger.made) == len(set(ledger.made)) == 8
    for task in ("s2", "s1"):
        assert [one for one in ledger.undone if one.startswith(task)] == [f"{task}-{turn}" for turn in (3, 2, 1)]
    second, first = ledger.undone[:4], ledger.undone[4:]
    assert sorted(second) == ["o2", "s2-1", "s2-2", "s2-3"]
    assert sorted(first) == ["o1", "s1-1", "s1-2", "s1-3"]
    assert "look[1].sub#0[2].put#0" in outcome.undone()
