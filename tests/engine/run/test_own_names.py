"""What a step and a run know of themselves: `step.idempotency_key`, the header for actions in any language, `run.id`, `run.callback`."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.request import urlopen

import pytest

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.dev.server import DevServer
from advanced_workflow.workflows.contract import HEADER_KEY, callback_of
from tests.engine.stage import Step, act, fan, loop, waits
from tests.harness import Harness, definition, eventually, outcome_of
from tests.unit.checking import codes_of

OWN = {"input_mapping": {"key": "step.idempotency_key", "path": "step.path"}}
OUTPUT = {"answer": "steps.answer.output", "http": "steps.http.output"}


async def test_an_action_is_given_its_own_key_and_path_wherever_it_runs(harness: Harness) -> None:
    given: dict[str, dict[str, Any]] = {}

    def work(data: dict[str, Any]) -> None:
        path = context.step_path()
        given[path] = {**data, "own": context.idempotency_key()}
        if path == "twice" and context.attempt() == 1:
            raise ActionError("again", type="Busy")

    def undo(data: dict[str, Any]) -> None:
        given[context.step_path()] = data

    def fails() -> None:
        raise ActionError("no", retryable=False)

    undone = {"rollback_actions": ["undo"], "rollback_mapping": {"of": "step.idempotency_key", "path": "step.path"}}
    steps = (
        act("twice", **OWN, **undone, retry_policy={"delay": 0.01}),
        act("when", conditions=["step.path == 'when'"], **OWN),
        loop("again", loop_condition="iteration < 2 && step.path == 'again'", **OWN),
        loop("body", act("round", **OWN), rounds=1),
        fan("each", "[1]", act("copy", **OWN, execution="local")),
        {"step_id": "bad", "action": "fails", "dependencies": ["twice", "when", "again", "body", "each"]},
    )
    outcome = await harness.run(definition(*steps), actions={"work": work, "undo": undo, "fails": fails})

    assert outcome.failure == "WorkflowFailed"
    undo_input = given.pop("twice.rollback[0]")
    assert undo_input == {"of": given["twice"]["own"], "path": "twice"}
    assert set(given) == {"twice", "when", "again#0", "again#1", "body#0.round", "each[0].copy"}
    assert {path: one["path"] for path, one in given.items()} == {path: path for path in given}
    assert [path for path, one in given.items() if one["key"] != one["own"]] == []
    sent = {
        scheduled.activity_id: (
            dict(scheduled.header.fields[HEADER_KEY].metadata),
            scheduled.header.fields[HEADER_KEY].data,
        )
        async for event in outcome.handle.fetch_history_events()
        if (scheduled := event.activity_task_scheduled_event_attributes).activity_id
    }
    execution = outcome.report.execution_id
    # To the byte: actions in other languages read it, with whatever converter their SDK has.
    assert sent == {path: ({"encoding": b"json/plain"}, f'"{execution}:{path}"'.encode()) for path in sent}
    assert HEADER_KEY == "adw-idempotency-key"
    assert {"twice", "again#1", "twice.rollback[0]", "bad"} <= sent.keys()


def test_an_id_that_the_http_api_does_not_take_has_no_path_there() -> None:
    assert [callback_of("default", one)["path"] for one in ("run/step", ".", "..")] == [None] * 3
    assert callback_of("a b", "run#1")["path"] == "/api/v1/namespaces/a%20b/workflows/run%231/signal/event"


async def test_a_run_says_where_a_partner_calls_back(harness: Harness, server: DevServer) -> None:
    given: list[Any] = []

    def work(data: dict[str, Any]) -> None:
        given.append(data)

    ask = act("ask", input_mapping={"back": "run.callback", "id": "run.id"})
    async with harness.worker({"work": work}):
        run = await harness.start(definition(ask, waits("answer", "ask"), waits("http", "answer"), output=OUTPUT))
        await eventually(lambda: given)
        [told] = given
        assert (told["id"], told["back"]["workflow_id"]) == (run.id, run.id)
        # Nothing waits for it yet, and whoever sends it has no client of Temporal.
        body = b'{"input": [{"event": "http", "data": {"by": "curl"}}]}'
        address = server.http_url + told["back"]["path"]
        await asyncio.to_thread(lambda: urlopen(address, body).close())  # noqa: S310
        partner = harness.client.get_workflow_handle(told["back"]["workflow_id"])
        await partner.signal(told["back"]["signal"], {"event": "answer", "data": 7})
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"answer": 7, "http": {"by": "curl"}}
    assert told["back"]["path"] == f"/api/v1/namespaces/default/workflows/{run.id}/signal/event"


@pytest.mark.parametrize(
    ("steps", "more", "codes"),
    [
        ([act("a", **OWN)], {}, []),
        ([act("a", input_mapping={"x": "step.name"})], {}, ["unknown_step_field"]),
        ([act("a")], {"output": {"x": "step.path"}}, ["bad_expression"]),
        ([act("a", input_mapping={"x": "input.steps.map(step, step.id)"})], {}, []),
        ([act("a", input_mapping={"x": "run.callback.path + run.id"})], {}, []),
        (
            [
                {
                    "step_id": "o",
                    "step_type": "orchestrator",
                    "orchestrator": {"task": "'t'", "workers": [{"name": "w", "action": "w", "input_mapping": {"k": "step.path"}}]},
                }
            ],
            {},
            ["bad_expression"],
        ),
    ],
)  # fmt: skip
def test_where_expressions_may_name_them(steps: list[Step], more: dict[str, Any], codes: list[str]) -> None:
    assert codes_of(definition(*steps, **more)) == codes
