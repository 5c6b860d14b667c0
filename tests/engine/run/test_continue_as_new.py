from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from temporalio.client import Client

from advanced_workflow.activities.action import context
from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.errors import RequestFailed, RunClosed
from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.workflows.contract import PAYLOAD_LIMIT_BYTES
from tests.engine.allowed import check_run
from tests.engine.arena import arena
from tests.engine.cases import Case, batches, children_of
from tests.engine.hops import CONTINUE_AFTER, NOISE, begun_again, chain, cut_short, execution, fill, hop, went_on
from tests.engine.stage import Stage, act, box, deed, fan, is_seen, loop, output_of, reaches, says, waits
from tests.examples import profile
from tests.harness import Definition, Harness, definition, eventually, outcome_of, recording
from tests.patience import PATIENCE_SECONDS, TooSlow, given_time, never_ends

ONCE = {"max_attempts": 1}
LONGEST = CONTINUE_AFTER + 50
"""Events of a history with ten actions in flight when it became full."""


@pytest.fixture
def small(harness: Harness) -> Harness:
    return cut_short(harness)


async def test_a_loop_goes_on_in_the_middle_of_a_round_and_undoes_every_round(small: Harness) -> None:
    stage = Stage({"last": 1})
    body = [
        deed("a", **says("iteration"), output_mapping={"result": "workflow.seen[]"}),
        deed("b", "a", **says("steps.a.output * 2")),
        act("c", "b", **says("steps.b.output + iteration")),
    ]
    rounds = loop("rounds", *body, rounds=12, output_mapping={"result.iterations": "workflow.rounds"})
    steps = [rounds, act("after", "rounds", **says("steps.c.output")), deed("last", "after")]
    async with small.worker(stage.actions):
        run = await small.start(definition(*steps, global_variables={"seen": []}))
        outcome = await outcome_of(run, state=True)
    histories = await chain(small, run)

    assert outcome.failure == "WorkflowFailed"
    assert len(histories) >= 8
    assert max(len(one.events) for one in histories) <= LONGEST
    assert outcome.state is not None
    assert outcome.state.workflow == {"seen": list(range(12)), "rounds": 12}
    assert output_of(outcome, "after") == 33
    assert stage.began == [
        *(f"rounds#{number}.{name}" for number in range(12) for name in "abc"),
        "after",
        "last",
    ]
    assert stage.undone == [f"rounds#{number}.{name}" for number in reversed(range(12)) for name in "ba"]
    assert outcome.undone() == stage.undone
    assert stage.undo_inputs["rounds#3.b"] == {
        "step_id": "b",
        "input": {"value": 6},
        "output": 6,
        "outcome": "completed",
        "idempotency_key": f"{outcome.report.execution_id}:rounds#3.b",
    }


async def test_an_action_loop_sees_its_last_output_whichever_history_it_came_in(small: Harness) -> None:
    stage = Stage()
    value = "has(steps.poll.output) ? steps.poll.output + iteration : 100"
    outcome = await small.run(
        definition(loop("poll", rounds=15, input_mapping={"value": value}), output={"sum": "steps.poll.output"}),
        actions=stage.actions,
    )

    assert outcome.data == {"sum": 100 + sum(range(15))}
    assert stage.done == [f"poll#{number}" for number in range(15)]


async def test_loops_and_fan_outs_in_each_other_keep_their_places(small: Harness) -> None:
    stage = Stage({"last": 1})
    inner = fan("inner", "[10, 20, 30]", deed("x", **says("item + iteration")), act("y", "x"), max_concurrency=2)
    outer = fan(
        "outer",
        "['a', 'b']",
        loop("again", inner, deed("z", "inner", **says("item + string(iteration)")), rounds=2),
        box("both", act("p"), act("q", "p"), after=("again",)),
    )
    async with small.worker(stage.actions):
        run = await small.start(definition(outer, deed("last", "outer")))
        outcome = await outcome_of(run)
        progress = await run.progress()
    histories = await chain(small, run)

    assert outcome.failure == "WorkflowFailed"
    assert len(histories) >= 4
    assert Counter(stage.began) == Counter(
        [
            *(
                f"outer[{copy}].again#{number}.{rest}"
                for copy in range(2)
                for number in range(2)
                for rest in ("z", *(f"inner[{item}].{name}" for item in range(3) for name in "xy"))
            ),
            *(f"outer[{copy}].both.{name}" for copy in range(2) for name in "pq"),
            "last",
        ]
    )
    assert len(stage.undone) == len(set(stage.undone)) == 2 * 2 * 4
    for copy in range(2):
        places = [one.removeprefix(f"outer[{copy}].again") for one in stage.undone if one.startswith(f"outer[{copy}]")]
        assert [re.sub(r"\[\d\]", "", one) for one in places] == [
            "#1.z",
            *["#1.inner.x"] * 3,
            "#0.z",
            *["#0.inner.x"] * 3,
        ]
    assert {path: one["input"]["value"] for path, one in stage.undo_inputs.items() if path.endswith("z")} == {
        f"outer[{copy}].again#{number}.z": f"{name}{number}" for copy, name in enumerate("ab") for number in range(2)
    }
    # outer, last; of each copy: again, both, p, q; of each round: inner, z; of each item: x, y
    assert progress.total == 2 + 2 * (4 + 2 * (2 + 3 * 2))
    assert (progress.pending, progress.running, progress.waiting) == (0, 0, 0)


CHILD: Definition = definition(waits("finish"), workflow_id="child", output={"got": "steps.finish.output"})
FUSSY: Definition = definition(
    act("try", **says("input.number"), conditions=["input.number == 0"]),
    {"step_id": "never", "action": "refuse", "conditions": ["input.number == 0"]},
    workflow_id="fussy",
)


async def test_copies_in_every_state_go_on_where_they_were(small: Harness) -> None:
    async def once(seconds: float) -> None:
        calls: Counter[str] = Counter()

        def shaky() -> str:
            calls[context.step_path()] += 1
            if calls.total() == 1:
                raise ActionError("no")
            return "calm"

        def only(kind: str, step: dict[str, Any]) -> dict[str, Any]:
            return {**step, "conditions": [f"item == '{kind}'"]}

        breaker = {"max_attempts": 2, "delay": 0.01, "circuit_breaker": {"failure_threshold": 1, "timeout": seconds}}
        copy = [
            only("timer", {"step_id": "timer", "step_type": "wait", "wait": {"seconds": seconds}}),
            only("event", waits("event", wait={"event": "go"})),
            only("late", waits("late", wait={"event": "never", "timeout": seconds, "on_timeout": "continue"})),
            only("ask", {"step_id": "ask", "step_type": "human_approval"}),
            only("child", {"step_id": "child", "step_type": "sub_workflow", "workflow": "child"}),
            only("lock", waits("lock", wait={"event": "leave", "match": "event == index"}) | {"lock": "door"}),
            only("loop", loop("again", waits("tick", wait={"event": "tick", "match": "event == iteration"}), rounds=3)),
            only("fan", fan("inner", "[1, 2]", waits("inside", wait={"event": "inside", "match": "event == item"}))),
            only("breaker", {"step_id": "breaker", "action": "shaky", "retry_policy": breaker}),
        ]
        kinds = ["timer", "event", "late", "ask", "child", "lock", "lock", "loop", "fan", "breaker"]
        all_kinds = fan("all", "input.kinds", *copy, act("end", *(one["step_id"] for one in copy), join="any"))
        stage = Stage()
        async with small.worker({**stage.actions, "shaky": shaky}, definitions=[CHILD]):
            run = await small.start(definition(all_kinds), {"kinds": kinds})
            await run.send_event("tick", 0)
            await run.send_event("inside", 1)
            for path in ("all[6].lock", "all[7].again#1.tick", "all[8].inner[1].inside", "all[9].breaker"):
                if not await is_seen(run, path, "waiting"):
                    raise TooSlow
            child = get_run(small.client, f"{run.id}/all[4].child")
            await reaches(child, "finish", "waiting")
            await hop(run)
            await hop(run)
            await run.send_event("go", "gone")
            await run.approve("all[3].ask", approver="ann")
            await child.send_event("finish", "grown")
            await run.send_event("leave", 5)
            await run.send_event("leave", 6)
            for number in (1, 2):
                await run.send_event("tick", number)
            await run.send_event("inside", 2)
            outcome = await asyncio.wait_for(outcome_of(run, state=True), PATIENCE_SECONDS)
            last = await run.progress()

        assert outcome.failure is None, outcome.message
        got = [one["steps"] for one in output_of(outcome, "all")["results"]]
        assert [set(one) - {"end"} for one in got] == [
            {"again" if kind == "loop" else "inner" if kind == "fan" else kind} for kind in kinds
        ]
        assert got[1]["event"] == "gone"
        assert got[2]["late"] is None
        assert got[3]["ask"]["approver"] == "ann"
        assert got[4]["child"] == {"got": "grown"}
        assert got[7]["again"] == {"iterations": 3}
        assert got[8]["inner"]["successful_steps"] == 2
        assert got[9]["breaker"] == "calm"
        assert len(stage.done) == len(kinds)
        assert (
            last.total == 1 + len(kinds) * 10 + 3 + 2
        )  # The fan-out, what its copies hold, the rounds, the inner copies.
        assert (last.pending, last.running, last.waiting, last.failed) == (0, 0, 0, 0)

    await given_time(once, 4)


async def test_nested_steps_that_did_not_begin_are_counted_once(small: Harness) -> None:
    stage = Stage()
    rounds = loop("rounds", box("both", waits("go"), act("a", "go"), act("b", "a")), rounds=2)
    async with small.worker(stage.actions):
        run = await small.start(definition(rounds))
        await reaches(run, "rounds#0.both.go", "waiting")
        before = await run.progress()
        await hop(run)
        await hop(run)
        after = await run.progress()
        await run.send_event("go")
        await run.send_event("go")
        outcome = await outcome_of(run)
        last = await run.progress()

    assert outcome.failure is None, outcome.message
    assert before.model_dump() == after.model_dump()
    assert (last.total, last.completed, last.pending) == (9, 9, 0)


@pytest.mark.parametrize("how", ["it is cancelled", "it is skipped"])
async def test_an_action_that_waits_for_its_breaker_is_still_undone_in_a_later_history(
    small: Harness, how: str
) -> None:
    undone: list[str] = []

    async def slow() -> None:
        await never_ends()

    policy = {"max_attempts": 5, "delay": 0.01, "circuit_breaker": {"failure_threshold": 1, "timeout": 600}}
    step = {"step_id": "slow", "timeout": 0.3, "retry_policy": policy, "rollback_actions": ["undo"]}
    async with small.worker({"slow": slow, "undo": recording(undone)}):
        run = await small.start(definition(loop("once", step, rounds=1), waits("w")))
        await reaches(run, "once#0.slow", "waiting")
        await hop(run)
        await reaches(run, "once#0.slow", "waiting")
        if how == "it is skipped":
            await eventually(lambda: _skip(run, "once#0.slow"))  # It may be asking its breaker again just now.
            await reaches(run, "once", "completed")
            await hop(run)
        await run.cancel()
        outcome = await outcome_of(run, state=True)

    assert outcome.failure == "Cancelled"
    assert undone == ["slow unknown"]
    assert outcome.state is not None
    assert outcome.state.rollback is not None
    assert [(one.path, one.outcome) for one in outcome.state.rollback.entries] == [("once#0.slow", "undone")]


async def test_local_actions_go_on_with_the_same_keys(small: Harness) -> None:
    keys: list[str] = []
    step = {"step_id": "note", "execution": "local"}
    outcome = await small.run(
        definition(loop("rounds", step, rounds=40)),
        actions={"note": lambda: keys.append(context.idempotency_key())},
    )

    assert outcome.failure is None, outcome.message
    assert keys == [f"{outcome.report.execution_id}:rounds#{number}.note" for number in range(40)]
    assert len(await small.histories()) >= 2


async def test_a_registered_run_keeps_its_type_its_options_and_its_definition(small: Harness) -> None:
    stage = Stage()
    first = definition(waits("go"), act("a", "go"), workflow_id="mine", version="1.0")
    later = definition(waits("go"), workflow_id="mine", version="2.0")
    async with small.worker(stage.actions, definitions=[first]):
        run = await small.start("mine", {"number": 1})
        await reaches(run, "go", "waiting")
    async with small.worker(stage.actions, definitions=[later]):
        await hop(run)
        await hop(run)
        pinned = await run.definition()
        await run.send_event("go")
        outcome = await outcome_of(run)
    histories = await chain(small, run)

    assert outcome.failure is None, outcome.message
    assert outcome.report.version == pinned.definition.version == "1.0"
    assert stage.done == ["a"]
    started = [one.events[0].workflow_execution_started_event_attributes for one in histories]
    assert {one.workflow_type.name for one in started} == {"mine"}
    assert {one.first_execution_run_id for one in started} == {outcome.report.execution_id}
    assert [json.loads(one.input.payloads[0].data) for one in started] == [{"number": 1}] * len(histories)


async def test_messages_that_come_before_the_first_task_of_a_new_history_are_not_lost(small: Harness) -> None:
    workflow = definition(waits("go"), waits("done", "go"), {"step_id": "ask", "step_type": "human_approval"})
    async with small.worker():
        run = await small.start({**workflow, "workflow_id": "original"})
        await reaches(run, "go", "waiting")
        await hop(run)
        digest = (await run.pending_approvals())[0].digest
        await run.cancel()
        await outcome_of(run, state=True)
    carried = (await chain(small, run))[1].events[0].workflow_execution_started_event_attributes.input

    # The same history begins again, and this time nobody reads it before it is half full.
    again = await begun_again(small, json.loads(carried.payloads[0].data))
    before = await execution(again)
    await fill(again)
    await again.send_event("go", "early")
    # Nobody can have seen the digest of a step that does not ask yet: the step asks again before it is told.
    await again.signal_approval("ask", approver="ann", digest=digest)
    async with small.worker():
        await reaches(again, "done", "waiting")
        await went_on(again, before)
        state = await again.state()
        await again.send_event("done")
        outcome = await outcome_of(again, state=True)

    assert len(await chain(small, again)) >= 2
    assert outcome.failure is None, outcome.message
    assert output_of(outcome, "go") == "early"
    assert output_of(outcome, "ask")["approver"] == "ann"
    assert [one.event for one in state.unconsumed_events] == [NOISE]


async def test_an_update_that_races_with_the_hop_is_answered_and_counts_once(small: Harness) -> None:
    names = [f"person {number}" for number in range(30)]
    ask = {"step_id": "ask", "step_type": "human_approval", "approval": {"approvers": names, "required": len(names)}}
    refused: list[str] = []

    async def noise(run: Run) -> None:
        with contextlib.suppress(RunClosed):  # The last decision ends it.
            while not deciding.done():
                await run.send_event(NOISE, event_id=NOISE)
                await asyncio.sleep(0.02)

    async def decide(run: Run) -> None:
        for name in names:
            while True:
                try:
                    await run.approve("ask", approver=name)
                    break
                except RequestFailed as error:  # The server's answer where the run was about to go on.
                    refused.append(str(error))

    async with small.worker():
        run = await small.start(definition(ask))
        await eventually(run.pending_approvals)
        deciding = asyncio.ensure_future(decide(run))
        await asyncio.gather(deciding, noise(run))
        outcome = await outcome_of(run, state=True)

    assert [one["approver"] for one in output_of(outcome, "ask")["decisions"]] == names
    assert all("workflow task failure" in one for one in refused), refused
    assert len(await chain(small, run)) >= 3


async def test_what_cannot_be_carried_fails_the_run_and_is_undone(small: Harness) -> None:
    stage = Stage()
    steps = [
        deed("first"),
        {"step_id": "big", "action": "grow", "dependencies": ["first"], "rollback_actions": ["undo"]},
        {"step_id": "bigger", "action": "grow", "dependencies": ["big"]},
        waits("w", "bigger"),
    ]
    async with small.worker({**stage.actions, "grow": noise_of(1_200_000)}):
        run = await small.start(definition(*steps))
        await eventually(lambda: _fill_to_the_end(run))
        outcome = await outcome_of(run)

    assert outcome.failure == "StateTooLarge"
    assert "'state'" in outcome.message
    assert "ADW_STORAGE" in outcome.message
    assert sorted(stage.undone) == ["big", "first"]
    assert outcome.report.rollback is not None
    assert outcome.report.rollback.complete
    assert len(await chain(small, run)) == 1


async def test_input_and_state_together_are_held_to_what_the_server_takes(small: Harness) -> None:
    stage = Stage()
    text = noise_of(1_200_000)()
    steps = [deed("first"), {"step_id": "big", "action": "grow", "dependencies": ["first"]}, waits("w", "big")]
    workflow = definition(*steps, workflow_id="large")
    async with small.worker({**stage.actions, "grow": noise_of(1_200_000)}, definitions=[workflow]):
        run = await small.start("large", {"text": text})
        await eventually(lambda: _fill_to_the_end(run))
        outcome = await outcome_of(run)

    assert outcome.failure == "StateTooLarge"
    assert stage.undone == ["first"]


async def test_a_rollback_that_cannot_be_carried_on_ends_in_its_history(small: Harness) -> None:
    stage = Stage({"last": 1})
    steps = [
        loop("rounds", deed("a"), rounds=12),
        {"step_id": "big", "action": "grow", "dependencies": ["rounds"]},
        {"step_id": "bigger", "action": "grow", "dependencies": ["rounds"]},
        deed("last", "big", "bigger"),
    ]
    async with small.worker({**stage.actions, "grow": noise_of(1_200_000)}):
        run = await small.start(definition(*steps))
        outcome = await asyncio.wait_for(outcome_of(run), PATIENCE_SECONDS)

    assert outcome.failure == "WorkflowFailed", outcome.message
    assert stage.undone == [f"rounds#{number}.a" for number in reversed(range(12))]


@profile(1, shrink=False)
@given(batch=batches(6))
@pytest.mark.timeout(0)  # It grows with ADW_EXAMPLES; each run has its own bound.
async def test_runs_cut_into_short_histories_do_what_the_reference_allows(client: Client, batch: list[Case]) -> None:
    async with arena(Harness(client, continue_after=16), definitions=children_of(batch)) as actions:
        await asyncio.gather(*(check_run(actions, case, f"random-{number}") for number, case in enumerate(batch)))


async def _skip(run: Run, path: str) -> bool:
    await run.skip_step(path, "enough", by="op")
    return True


def noise_of(size: int) -> Any:
    """An action that gives text that cannot be packed."""

    def grow() -> str:
        return base64.b64encode(os.urandom(size * 3 // 4)).decode()

    assert size < PAYLOAD_LIMIT_BYTES
    return grow


async def _fill_to_the_end(run: Run) -> bool:
    """Let its history grow; whether it ended of that.

    An event is sent once it has heard of the one before: a run cannot end while there is always something new to hear.
    """
    description = await run.client.get_workflow_handle(run.id).describe()
    ended = description.close_time is not None
    if not ended and not description.raw_description.HasField("pending_workflow_task"):
        await run.send_event(NOISE, event_id=NOISE)
    return ended
