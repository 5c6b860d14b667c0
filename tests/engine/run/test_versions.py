"""Several versions of a definition on one worker: which one runs take, and that they keep it."""

from __future__ import annotations

import asyncio
from typing import Any

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.client.service.listing import RunsWanted, count_runs, list_runs
from tests.engine.stage import act, reaches, waits
from tests.harness import Definition, Harness, definition, eventually, outcome_of


def child(version: str, *steps: dict[str, Any]) -> Definition:
    own = steps or ({"step_id": "a", "step_type": "assign"},)
    return definition(*own, workflow_id="child", version=version, output={"version": "run.version"})


def calls(step_id: str, *after: str, **more: Any) -> dict[str, Any]:
    return {"step_id": step_id, "step_type": "sub_workflow", "workflow": "child", "dependencies": list(after), **more}


def pay(version: str, *steps: dict[str, Any], **more: Any) -> Definition:
    return definition(*steps, workflow_id="pay", version=version, **more)


async def test_a_run_goes_on_as_it_began_when_a_worker_has_a_higher_version(harness: Harness) -> None:
    old = pay(
        "1.9",
        waits("go"),
        calls("exact", "go", workflow_version="1.0"),
        calls("highest", "go"),
        output={"exact": "steps.exact.output.version", "highest": "steps.highest.output.version"},
    )
    new = pay("1.10", {"step_id": "a", "step_type": "assign"}, output={"new": "run.version"})
    async with harness.worker({}, [old, child("1.0")]):
        run = await harness.start("pay")
        await reaches(run, "go", "waiting")
    async with harness.worker({}, [old, new, child("1.0"), child("2.0")]):
        later, told = await harness.start("pay"), await harness.start("pay@1.9")
        await reaches(told, "go", "waiting")
        pinned = await run.definition()
        for one in (run, told):
            await one.send_event("go")
        outcomes = [await outcome_of(one) for one in (run, later, told)]
        missing = await outcome_of(await harness.start("pay@3"))

    assert pinned.definition.version == "1.9"
    assert [one.report.version for one in outcomes] == ["1.9", "1.10", "1.9"]
    assert [one.data for one in outcomes] == [
        {"exact": "1.0", "highest": "2.0"},
        {"new": "1.10"},
        {"exact": "1.0", "highest": "2.0"},
    ]
    assert missing.failure == "DefinitionNotFound"
    assert "definition 'pay' has no version '3'; it has '1.10', '1.9' on this worker" in missing.message
    await _can_be_searched(harness, {"1.9": {run.id, told.id}, "1.10": {later.id}})


async def _can_be_searched(harness: Harness, ids: dict[str, set[str]]) -> None:
    """Each version by its runs; a run that was refused has none."""

    async def found(version: str) -> set[str]:
        wanted = RunsWanted(workflow_id="pay", version=version)
        listed = await list_runs(harness.client, wanted.query, task_queue=harness.task_queue)
        assert {one.definition for one in listed} <= {f"pay {version}"}
        return {one.id for one in listed}

    for version, expected in ids.items():
        await eventually(lambda version=version, expected=expected: _equal(found(version), expected))
    untold = RunsWanted(workflow_id="pay", version="1.9").untold
    assert await count_runs(harness.client, untold, task_queue=harness.task_queue) == 1


async def _equal(asked: Any, expected: set[str]) -> bool:
    return await asked == expected


def fails_once() -> Any:
    calls: list[int] = []

    def pay() -> str:
        calls.append(1)
        if len(calls) == 1:
            raise ActionError("the card was declined", type="CardDeclined", retryable=False)
        return "paid"

    return pay


async def test_a_child_that_is_tried_again_is_of_the_version_that_failed(harness: Harness) -> None:
    old = child("1.0", waits("go"), act("pay", "go", action="pay"))
    actions = {"pay": fails_once()}
    policy = {"max_attempts": 2, "delay": 0.01}
    parent = definition(calls("sub", retry_policy=policy), output={"version": "steps.sub.output.version"})
    async with harness.worker(actions, [old]):
        run = await harness.start(parent)
        first, second = (get_run(harness.client, f"{run.id}/{name}") for name in ("sub", "sub~2"))
        await reaches(first, "go", "waiting")
    async with harness.worker(actions, [old, child("2.0")]):
        await first.send_event("go")
        ends = asyncio.ensure_future(outcome_of(run))
        with_event = asyncio.ensure_future(eventually(lambda: _is_sent(second, "go")))
        await asyncio.wait([ends, with_event], return_when=asyncio.FIRST_COMPLETED)
        with_event.cancel()
        outcome = await ends

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"version": "1.0"}


async def _is_sent(run: Run, event: str) -> bool:
    await run.send_event(event)
    return True
