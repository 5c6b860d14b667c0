"""Runs that release 0.1.0 took another way than later ones: recorded by it, they hold that its histories still replay.

How they end depends on the release, so they only wait for an end. `make histories RELEASE=...` records them with the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.client.runs import Run, get_run
from tests.harness import Harness, definition, eventually, outcome_of
from tests.replay.scenarios import ACTIONS, ASK, ONCE, Scenario, reached, step, turn, waits

ALL = {"parallel_failure_threshold": 1.0}
HALF = {"parallel_failure_threshold": 0.5}


async def slowly() -> str:
    """Take so long that others end meanwhile."""
    await asyncio.sleep(0.3)
    return "done"


def large() -> str:
    """Give a result of medium size."""
    return "x" * 25_000


SLOW_ONES = {**ACTIONS, "slowly": slowly, "large": large}


async def run_out(harness: Harness, *steps: dict[str, Any], **fields: Any) -> None:
    """Run to whatever end."""
    async with harness.worker(SLOW_ONES):
        await outcome_of(await harness.start(definition(*steps, **fields)))


async def copies_go_on_after_one_failed(harness: Harness) -> None:
    """The rate is lost with the first copy, and others run or have not begun."""
    fan = {"step_id": "fan", "step_type": "parallel", "for_each": "[1, 2, 3, 4]", "max_concurrency": 2}
    inside = [turn(conditions=["item > 1"], action="slowly"), step("bad", action="fails", conditions=["item == 1"])]
    await run_out(harness, {**fan, "parallel_steps": inside, "retry_policy": ALL})


async def branches_go_on_after_one_failed(harness: Harness) -> None:
    inside = [step("bad", action="fails"), turn("slow", action="slowly"), turn("after", dependencies=["slow"])]
    await run_out(harness, {"step_id": "both", "step_type": "parallel", "parallel_steps": inside, "retry_policy": ALL})


async def a_round_goes_on_after_a_step_failed(harness: Harness) -> None:
    body = [step("bad", action="fails"), turn("slow", action="slowly"), turn("after", dependencies=["slow"])]
    again = {"step_id": "again", "step_type": "loop", "loop_condition": "iteration < 2", "body": body}
    await run_out(harness, again)


async def a_tolerated_failure_leaves_its_effects(harness: Harness) -> None:
    inside = [turn("pay"), step("ship", "pay", action="work", conditions=["item == 1"])]
    inside.append(step("bad", "pay", action="fails", conditions=["item == 2"]))
    fan = {"step_id": "fan", "step_type": "parallel", "for_each": "[1, 2]", "parallel_steps": inside}
    await run_out(harness, {**fan, "retry_policy": HALF}, step("after", "fan"))


async def a_step_after_a_route_or_another_is_skipped(harness: Harness) -> None:
    routes = [{"expression": "input == null", "next_steps": ["review"]}, {"default": True, "next_steps": ["pay"]}]
    size = {"step_id": "size", "step_type": "conditional", "conditions": routes}
    await run_out(harness, size, step("review"), step("pay", "review"), step("last", "pay"))


async def ready_steps_start_while_paused(harness: Harness) -> None:
    """They waited for a slot when the run was paused."""
    began, release = asyncio.Event(), asyncio.Event()

    async def held() -> None:
        began.set()
        await release.wait()

    steps = [step(f"s{number}", action="held" if number == 0 else "work") for number in range(8)]
    async with harness.worker({**ACTIONS, "held": held}):
        run = await harness.start(definition(*steps, waits("end", "end"), max_parallel_steps=1))
        await asyncio.wait_for(began.wait(), 30)
        await run.pause("look first", by="op")
        release.set()
        await reached(run, "s0", "completed")
        await asyncio.sleep(0.5)
        await run.resume("looked", by="op")
        await run.send_event("end")
        await outcome_of(run)


async def odd_messages(harness: Harness) -> None:
    """Those that do not fit were refused or dropped, and the run continued."""
    async with harness.worker(ACTIONS):
        run = await harness.start(definition(ASK, waits("paid", "paid", dependencies=["ask"])))
        await eventually(run.pending_approvals)
        for name, payload in (
            ("approve_step", ["ask"]),
            ("approve_step", {"step_id": "ask"}),
            ("approve_step", {"step_id": "nowhere", "approver": "ann"}),
            ("nothing_of_ours", {"a": 1}),
            ("event", {"event": 7}),
            ("event", {"event": "other", "data": [[[[1]]]]}),
        ):
            await run.handle.signal(name, payload)
        await run.signal_approval("ask", approver="ann")
        await run.send_event("paid", {"n": 1}, event_id="one")
        await outcome_of(run)


async def local_results_of_medium_size(harness: Harness) -> None:
    body = [turn("turn", action="large", execution="local")]
    again = {"step_id": "again", "step_type": "loop", "loop_condition": "iteration < 8", "body": body}
    await run_out(harness, again, step("bad", "again", action="fails"))


async def a_child_is_terminated(harness: Harness) -> None:
    child = definition(turn(), {**ASK, "dependencies": ["turn"]}, workflow_id="child")
    sub = {"step_id": "sub", "step_type": "sub_workflow", "workflow": "child", "dependencies": ["first"]}
    async with harness.worker(ACTIONS, [child]):
        run = await harness.start(definition(turn("first"), sub), id="a_child_is_terminated")
        inner = get_run(harness.client, f"{run.id}/sub")
        await eventually(inner.pending_approvals)
        await inner.handle.terminate("by hand")
        await outcome_of(run)


async def a_child_has_the_id_of_another_run(harness: Harness) -> None:
    child = definition(turn(), workflow_id="child")
    sub = {"step_id": "sub", "step_type": "sub_workflow", "workflow": "child", "dependencies": ["first"]}
    async with harness.worker(ACTIONS, [child]):
        other = await harness.start(definition(ASK), id="a_child_has_the_id_of_another_run/sub")
        await eventually(other.pending_approvals)
        run = await harness.start(definition(turn("first"), sub), id="a_child_has_the_id_of_another_run")
        harness.handles.reverse()
        await outcome_of(run)
        await other.cancel()
        await outcome_of(other)


async def a_round_runs_again_after_an_operator(harness: Harness) -> None:
    """It armed its first step twice, under one key."""
    tries: list[int] = []

    def flaky() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ActionError("no", type="Broken", retryable=False)

    body = [turn(), step("flaky", "turn", action="flaky")]
    again = {"step_id": "again", "step_type": "loop", "loop_condition": "iteration < 2", "body": body}
    async with harness.worker({**ACTIONS, "flaky": flaky}):
        run = await harness.start(definition(again, step("bad", "again", action="fails"), on_failure="pause"))
        await reached(run, "again", "failed")
        await run.retry_step("again", "mended", by="op")
        await reached(run, "bad", "failed")
        await run.cancel()
        await outcome_of(run)


def hanging_once() -> Callable[[], Awaitable[None]]:
    """Does not end in time when it is called first, and at once later."""
    tries: list[int] = []

    async def hangs() -> None:
        tries.append(1)
        if len(tries) == 1:
            await asyncio.sleep(600)

    return hangs


async def a_step_runs_again_after_a_timeout(harness: Harness) -> None:
    """It may have taken effect twice under one key, and its undo was called twice."""
    hangs = hanging_once()

    async def doubtful() -> None:
        await hangs()

    pay = turn("pay", action="doubtful", timeout=0.4, retry_policy=ONCE)
    async with harness.worker({**ACTIONS, "doubtful": doubtful}):
        run = await harness.start(definition(pay, step("bad", "pay", action="fails"), on_failure="pause"))
        await reached(run, "pay", "failed")
        await run.retry_step("pay", "looked", by="op")
        await reached(run, "bad", "failed")
        await run.cancel()
        await outcome_of(run)


async def a_failing_output_ends_the_run(harness: Harness) -> None:
    """Later ones hold it for an operator."""
    async with harness.worker(ACTIONS):
        workflow = definition(turn(), output={"is": "steps.turn.output.missing"}, on_failure="pause")
        run = await harness.start(workflow)

        async def has_ended_or_is_held() -> bool:
            return (await run.summary()).close_time is not None or bool((await run.state()).output_error)

        await eventually(has_ended_or_is_held)
        await run.cancel()
        await outcome_of(run)


async def a_kept_event_is_looked_at_once(harness: Harness) -> None:
    """What its `match` reads is set after it came."""
    late = {"event": "paid", "match": "event == workflow.wanted", "timeout": 1, "on_timeout": "continue"}
    paid = {"step_id": "paid", "step_type": "wait", "wait": late}
    gate = waits("gate", "gate")
    sets = step("sets", "gate", input_mapping={"n": "7"}, output_mapping={"result.n": "workflow.wanted"})
    async with harness.worker(ACTIONS):
        run = await harness.start(definition(paid, gate, sets, global_variables={"wanted": 0}))
        await reached(run, "paid", "waiting")
        await run.send_event("paid", 7)
        await run.send_event("gate")
        await outcome_of(run)


async def one_event_id_for_two_events(harness: Harness) -> None:
    late = {"step_id": "two", "step_type": "wait", "wait": {"event": "two", "timeout": 1, "on_timeout": "continue"}}
    async with harness.worker(ACTIONS):
        run = await harness.start(definition(waits("one", "one"), late))
        await reached(run, "two", "waiting")
        await run.send_event("one", event_id="same")
        await run.send_event("two", event_id="same")
        await outcome_of(run)


async def rounds_are_approved_by_the_bare_id(harness: Harness) -> None:
    """And by one decision id, as a client sends that tries again."""
    body = [{**ASK, "approval": {"deadline": 1, "on_timeout": "reject", "on_reject": "continue"}}]
    again = {"step_id": "again", "step_type": "loop", "loop_condition": "iteration < 2", "body": body}
    async with harness.worker(ACTIONS):
        run = await harness.start(definition(again))
        for number in range(2):
            await reached(run, f"again#{number}.ask", "waiting")
            await run.signal_approval("ask", approver="ann", decision_id="one")
        await outcome_of(run)


async def one_name_in_two_spellings(harness: Harness) -> None:
    approval = {"required": 2, "deadline": 1, "on_timeout": "fail"}
    async with harness.worker(ACTIONS):
        run = await harness.start(definition(turn(), {**ASK, "approval": approval}))
        await eventually(run.pending_approvals)
        for name in ("ann", "Ann "):
            await run.signal_approval("ask", approver=name)
        await outcome_of(run)


async def an_attempt_times_out_and_the_next_fails(harness: Harness) -> None:
    """Only the last attempt's word counted, so that nothing was undone."""
    hangs = hanging_once()

    async def doubtful() -> None:
        await hangs()
        raise ActionError("no", type="Broken", retryable=False)

    pay = turn("pay", action="doubtful", timeout=0.4, retry_policy={"max_attempts": 2, "delay": 0.1})
    async with harness.worker({**ACTIONS, "doubtful": doubtful}):
        await outcome_of(await harness.start(definition(turn("first"), {**pay, "dependencies": ["first"]})))


async def its_worker_is_stopped(harness: Harness) -> None:
    """That counted as the action's own word."""
    began = asyncio.Event()

    async def works_on() -> None:
        began.set()
        await asyncio.sleep(600)

    pay = turn("pay", action="works_on", retry_policy=ONCE)
    async with harness.worker({**ACTIONS, "works_on": works_on}, graceful_shutdown_timeout=timedelta()):
        run = await harness.start(definition(pay))
        await asyncio.wait_for(began.wait(), 30)
    async with harness.worker(ACTIONS):
        await outcome_of(run)


async def a_breaker_holds_a_step_past_its_time(harness: Harness) -> None:
    breaker = {"failure_threshold": 1, "timeout": 1}
    policy = {"max_attempts": 5, "delay": 0.05, "backoff_strategy": "fixed", "circuit_breaker": breaker}
    busy = step("busy", action="busy", total_timeout=1.5, retry_policy=policy)

    def always() -> None:
        raise ActionError("busy", type="Busy")

    async with harness.worker({**ACTIONS, "busy": always}):
        await outcome_of(await harness.start(definition(busy)))


async def a_run_begins_late(harness: Harness) -> None:
    async with harness.worker(ACTIONS):
        workflow = definition(turn(), {**waits("never", "never"), "dependencies": ["turn"]}, timeout=3.0)
        handle = await harness.client.start_workflow(
            "AdvancedWorkflow",
            {"workflow": workflow},
            id="a_run_begins_late",
            task_queue=harness.task_queue,
            start_delay=timedelta(seconds=2),
        )
        harness.handles.append(handle)
        await outcome_of(Run(harness.client, handle, "tester"))


async def a_step_is_skipped_while_it_waits_for_a_slot(harness: Harness) -> None:
    """It was acknowledged, and the step ran all the same."""
    began, release = asyncio.Event(), asyncio.Event()

    async def held() -> None:
        began.set()
        await release.wait()

    steps = [step("first", action="held"), step("second"), step("third", "second")]
    async with harness.worker({**ACTIONS, "held": held}):
        run = await harness.start(definition(*steps, max_parallel_steps=1))
        await asyncio.wait_for(began.wait(), 30)
        await run.skip_step("second", "not needed", by="op")
        release.set()
        await outcome_of(run)


OLD_WAYS: tuple[Scenario, ...] = (
    copies_go_on_after_one_failed,
    branches_go_on_after_one_failed,
    a_round_goes_on_after_a_step_failed,
    a_tolerated_failure_leaves_its_effects,
    a_step_after_a_route_or_another_is_skipped,
    ready_steps_start_while_paused,
    odd_messages,
    local_results_of_medium_size,
    a_child_is_terminated,
    a_child_has_the_id_of_another_run,
    a_round_runs_again_after_an_operator,
    a_step_runs_again_after_a_timeout,
    a_failing_output_ends_the_run,
    a_kept_event_is_looked_at_once,
    one_event_id_for_two_events,
    rounds_are_approved_by_the_bare_id,
    one_name_in_two_spellings,
    an_attempt_times_out_and_the_next_fails,
    its_worker_is_stopped,
    a_breaker_holds_a_step_past_its_time,
    a_run_begins_late,
    a_step_is_skipped_while_it_waits_for_a_slot,
)
"""Each is one of the questions to `Patch.RULES_2`, or more."""
