"""What JavaScript lets a careless program send: each ends in a result or in a sentence, and what ran is undone."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.harness import Harness, definition, outcome_of
from tests.partners.node import NodeProject, project

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
GIVEN = {"step_id": "given", "step_type": "assign", "input_mapping": {"given": "input"}}
ECHO = definition(GIVEN, workflow_id="echo", output={"given": "steps.given.output.given"})
ASK = {"step_id": "ask", "step_type": "human_approval", "approval": {"prompt": "?", "approvers": ["ann"]}}
ASKS = definition(ASK, workflow_id="asks")
RAN = {
    "a large result",
    "bad heartbeat",
    "bytes",
    "bigint",
    "a function",
    "a symbol",
    "a circle",
    "throws a text",  # It has no type: anybody may have thrown it.
    "throws undefined",
    "no type",
    "empty type",
    "says how it is",
    "is completed later",
}
"""Failures that leave open what was done."""
FAILED = {
    "throws an object",
    "throws a TypeError",
    "odd details",
    "long message",
    "a type of the platform",
    "unknown action",
}


def partner(folder: Path, harness: Harness, program: str) -> NodeProject:
    address = harness.client.service_client.config.target_host
    queues = {"ADW_TASK_QUEUE": harness.task_queue, "CARRIER_QUEUE": f"odd-{harness.task_queue}"}
    made = project(folder / "typescript", TEMPORAL_ADDRESS=address, **queues)
    shutil.copy(HERE / program, made.folder)
    return made


async def test_whatever_a_client_sends_is_answered_by_a_result_or_a_sentence(harness: Harness, tmp_path: Path) -> None:
    client = await asyncio.to_thread(partner, tmp_path, harness, "odd.ts")
    async with harness.worker(definitions=[ECHO, ASKS]):
        said: dict[str, Any] = {}
        for line in (await client.run("odd.ts")).splitlines():
            what, came = json.loads(line)
            said.setdefault(what, came)

    assert {"no argument", "ad hoc: null", "decide: bytes", "state: undefined", "end"} <= said.keys()
    assert [said[one] for one in ("no argument", "undefined", "undefined twice")] == [{"result": {"given": None}}] * 3
    assert said["options null"] == said["options undefined"] == {"result": {"given": {"a": 1}}}
    assert said["a large number"]["result"]["given"]["a"] == 2**53 + 2
    told = [came for came in said.values() if not {"result", "answer", "code"} & came.keys()]
    assert len(told) > 15
    assert [one for one in told if not re.search(r"[a-z].*\.$", one.get("message", one.get("client", "")))] == []
    assert said["end"] == {"result": {}}


async def test_whatever_an_action_gives_or_throws_is_used_or_told_and_undone_where_it_may_have_acted(
    harness: Harness, tmp_path: Path
) -> None:
    worker = await asyncio.to_thread(partner, tmp_path, harness, "odd_worker.ts")
    text = await asyncio.to_thread((HERE / "odd_worker.ts").read_text)
    names = [*re.findall(r"^  '?([\w ]+?)'?: (?:async )?\(", text, re.MULTILINE), "unknown action"]
    given: dict[str, Any] = {}
    undone: set[str] = set()
    async with harness.worker(), worker.serving("odd_worker.ts"):
        for name in names:
            step = {
                "step_id": "odd",
                "action": name,
                "agent_capability": f"odd-{harness.task_queue}",
                "retry_policy": {"max_attempts": 1},
                "input_mapping": {"x": 1},
                "rollback_actions": ["nothing"],
                **({"timeout": 2} if name == "is completed later" else {}),
            }
            outcome = await outcome_of(await harness.start(definition(step, output={"given": "steps.odd.output"})))
            if outcome.failure is None:
                given[name] = outcome.data["given"]
            elif outcome.undone():
                undone.add(name)

    assert undone == RAN
    assert set(names) - set(given) - undone == FAILED
    assert given["nothing"] is None
    assert given["not a number"] == {"a": None}
    assert given["what it was given"] == [{"x": 1}]
