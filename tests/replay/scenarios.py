"""The runs whose histories are kept: one or more for each step type and feature."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.agents.graphs import preload
from advanced_workflow.client.runs import Run, get_run
from advanced_workflow.workflows.contract import ExecutionOptions, UndoInput
from tests.engine.graphs.graph_runs import register_kept
from tests.engine.hops import cut_short, hop
from tests.engine.models import Model, calls, says
from tests.engine.partner import http, partner
from tests.harness import Definition, Harness, definition, eventually, outcome_of
from tests.signing import Signer, publish

Scenario = Callable[[Harness], Awaitable[None]]
ONCE = {"max_attempts": 1}
ASK = {"step_id": "ask", "step_type": "human_approval"}


def work(given: dict[str, Any] | None = None) -> dict[str, Any]:
    """Give back what was mapped."""
    return given or {}


def fails() -> None:
    """Fail for good."""
    raise ActionError("the card was declined", type="CardDeclined", retryable=False)


async def hangs() -> None:
    """Wait to be cancelled."""
    await asyncio.sleep(600)


def undo(undo: UndoInput) -> str:
    """Undo anything."""
    return undo.outcome


def stuck(undo: UndoInput) -> None:
    """Undo nothing."""
    raise ActionError(f"{undo.step_id} cannot be undone", type="RefundRefused", retryable=False)


ACTIONS = {"work": work, "fails": fails, "hangs": hangs, "undo": undo, "stuck": stuck}


def step(step_id: str, *after: str, action: str = "work", **more: Any) -> dict[str, Any]:
    """A step that calls an action after other steps."""
    return {"step_id": step_id, "action": action, "dependencies": list(after), **more}


async def finish(
    harness: Harness,
    workflow: Definition,
    input_data: Any = None,
    *,
    failure: str | None = None,
    actions: Any = ACTIONS,
) -> None:
    """Run to the end, which must be this failure, or completion."""
    async with harness.worker(actions):
        await ends(await harness.start(workflow, input_data), failure)


async def ends(run: Run, failure: str | None = None) -> None:
    """Wait for the end, which must be this failure, or completion."""
    outcome = await outcome_of(run)
    assert outcome.failure == failure, outcome.message


async def reached(run: Run, path: str, status: str) -> None:
    """Wait until a step is there."""

    async def is_there() -> bool:
        return any(one.path == path and one.status == status for one in (await run.state()).steps)

    await eventually(is_there)


async def sequential(harness: Harness) -> None:
    mapped: dict[str, Any] = {
        "input_mapping": {"value": "steps.first.output.value + 1"},
        "output_mapping": {"result.value": "workflow.sum"},
    }
    first = step("first", input_mapping={"value": "input.number"})
    await finish(harness, definition(first, step("second", "first", **mapped)), {"number": 1})


async def sequential_fails(harness: Harness) -> None:
    await finish(harness, definition(step("pay", action="fails")), failure="WorkflowFailed")


async def sequential_cancelled(harness: Harness) -> None:
    async with harness.worker(ACTIONS):
        run = await harness.start(
            definition(
                step("first", rollback_actions=["undo"]),
                step("hangs", "first", action="hangs", heartbeat_timeout=2, rollback_actions=["undo"]),
            )
        )
        await reached(run, "hangs", "running")
        await asyncio.sleep(0.3)
        await run.cancel()
        await ends(run, "Cancelled")


async def attempt_times_out(harness: Harness) -> None:
    policy = {"max_attempts": 2, "delay": 0.05}
    await finish(
        harness, definition(step("hangs", action="hangs", timeout=0.3, retry_policy=policy)), failure="WorkflowFailed"
    )


async def linear_retry(harness: Harness) -> None:
    attempts: list[int] = []

    def flaky() -> None:
        attempts.append(len(attempts))
        if len(attempts) < 3:
            raise ActionError("again", type="Busy")

    policy = {"max_attempts": 3, "backoff_strategy": "linear", "delay": 0.1, "jitter": 0.5}
    await finish(harness, definition(step("flaky", action="flaky", retry_policy=policy)), actions={"flaky": flaky})


async def worker_on_a_capability_queue(harness: Harness) -> None:
    queue = f"{harness.task_queue}-vision"
    async with harness.worker(), harness.worker(ACTIONS, task_queue=queue):
        look = step("look", step_type="worker", agent_capability=queue)
        await ends(await harness.start(definition(look)))


async def queue_nobody_polls(harness: Harness) -> None:
    await finish(
        harness, definition(step("look", agent_capability="nobody-here", queue_timeout=0.5)), failure="WorkflowFailed"
    )


async def parallel_nested(harness: Harness) -> None:
    inner = {"step_id": "inner", "step_type": "parallel", "parallel_steps": [step("c"), step("d", "c")]}
    bad = step("bad", action="fails", retry_policy=ONCE)
    outer = {"step_id": "outer", "step_type": "parallel", "max_concurrency": 2}
    await finish(harness, definition({**outer, "parallel_steps": [step("a"), inner, bad]}, step("after", "outer")))


async def parallel_fails(harness: Harness) -> None:
    nested = [step("good", rollback_actions=["undo"]), step("bad", action="fails")]
    policy = {"parallel_failure_threshold": 1.0}
    both = {"step_id": "both", "step_type": "parallel", "parallel_steps": nested, "retry_policy": policy}
    await finish(
        harness,
        definition(step("first", rollback_actions=["undo"]), {**both, "dependencies": ["first"]}),
        failure="WorkflowFailed",
    )


async def conditional(harness: Harness) -> None:
    routes = [
        {"expression": "input.total > 1000", "next_steps": ["large"]},
        {"field": "input.total", "operator": ">", "value": 100, "next_steps": ["medium"]},
        {"default": True, "next_steps": ["small"]},
    ]
    size = {"step_id": "size", "step_type": "conditional", "conditions": routes}
    after = step("after", "large", "medium", "small", conditions=["steps.size.output.routed == ['medium']"])
    never = step("never", conditions=["input.total < 0"])
    await finish(harness, definition(size, step("large"), step("medium"), step("small"), after, never), {"total": 500})


async def wait_seconds(harness: Harness) -> None:
    rest = {"step_id": "rest", "step_type": "wait", "wait": {"seconds": "input.minutes * 60.0"}}
    await finish(harness, definition(rest, step("after", "rest")), {"minutes": 0.005})


async def wait_until(harness: Harness) -> None:
    until = {"until": "timestamp(run.started_at) + duration('1s')"}
    await finish(harness, definition({"step_id": "rest", "step_type": "wait", "wait": until}))


async def wait_for_events(harness: Harness) -> None:
    paid = {"event": "paid", "match": "event.order == input.order"}
    late = {"event": "shipped", "timeout": 0.5, "on_timeout": "continue"}
    async with harness.worker(ACTIONS):
        run = await harness.start(
            definition(
                {"step_id": "paid", "step_type": "wait", "wait": paid},
                {"step_id": "shipped", "step_type": "wait", "wait": late, "dependencies": ["paid"]},
            ),
            {"order": 7},
        )
        await run.send_event("paid", {"order": 6})
        await run.send_event("paid", {"order": 7}, event_id="one")
        await run.send_event("paid", {"order": 7}, event_id="one")
        await ends(run)


async def wait_cancelled(harness: Harness) -> None:
    async with harness.worker(ACTIONS):
        run = await harness.start(definition({"step_id": "paid", "step_type": "wait", "wait": {"event": "paid"}}))
        await reached(run, "paid", "waiting")
        await run.cancel()
        await ends(run, "Cancelled")


async def approval_by_quorum(harness: Harness) -> None:
    form = {"type": "object", "required": ["reason"], "properties": {"reason": {"type": "string"}}}
    approval = {
        "prompt": "Pay?",
        "subject": {"amount": "input.amount"},
        "approvers": ["group:finance", {"expression": "input.manager"}],
        "required": 2,
        "form": form,
        "deadline": 86_400,
    }
    async with harness.worker(ACTIONS):
        run = await harness.start(
            definition({**ASK, "approval": approval}, step("pay", "ask")),
            {"amount": 5, "manager": "mia"},
            options=ExecutionOptions(groups={"finance": ["fay"]}),
        )
        [pending] = await eventually(run.pending_approvals)
        await run.signal_approval("ask", approver="mallory")
        await run.signal_approval("ask", approver="fay", form={"reason": "budget"}, decision_id="one")
        await run.approve("ask", approver="mia", form={"reason": "fine"}, digest=pending.digest)
        await ends(run)


async def approval_given_early(harness: Harness) -> None:
    run = await harness.start(definition(ASK))
    await run.signal_approval("ask", approver="ann")
    async with harness.worker(ACTIONS):
        await ends(run)


async def approval_rejected(harness: Harness) -> None:
    async with harness.worker(ACTIONS):
        run = await harness.start(definition(step("pay", rollback_actions=["undo"]), {**ASK, "dependencies": ["pay"]}))
        await eventually(run.pending_approvals)
        await run.reject("ask", approver="olga", comment="too much")
        await ends(run, "ApprovalRejected")


async def approval_at_its_deadline(harness: Harness) -> None:
    await finish(harness, definition({**ASK, "approval": {"deadline": 0.3, "on_timeout": "approve"}}))


async def approval_cancelled(harness: Harness) -> None:
    async with harness.worker(ACTIONS):
        run = await harness.start(definition(ASK))
        await eventually(run.pending_approvals)
        await run.cancel()
        await ends(run, "Cancelled")


async def rollback_step(harness: Harness) -> None:
    back = {"step_id": "back", "step_type": "rollback", "rollback_to": "a", "dependencies": ["b"]}
    steps = [step("a", rollback_actions=["undo"]), step("b", "a", rollback_actions=["undo"]), back]
    await finish(harness, definition(*steps, step("after", "back")))


async def rollback_step_fails(harness: Harness) -> None:
    back = {"step_id": "back", "step_type": "rollback", "dependencies": ["a"]}
    await finish(harness, definition(step("a", rollback_actions=["stuck"]), back), failure="RollbackIncomplete")


async def saga_with_a_failing_undo(harness: Harness) -> None:
    steps = [
        step(
            "a",
            input_mapping={"value": "'key'"},
            rollback_actions=["undo"],
            rollback_mapping={"step_id": "'a'", "outcome": "'completed'", "idempotency_key": "result.value"},
        ),
        step("b", "a", rollback_actions=["stuck", "undo"]),
        step("c", "a", rollback_actions=["undo"]),
        step("bad", "b", "c", action="fails", rollback_actions=["undo"]),
    ]
    await finish(harness, definition(*steps), failure="RollbackIncomplete")


async def cancelled_twice(harness: Harness) -> None:
    began, release = asyncio.Event(), asyncio.Event()

    async def slowly(undo: UndoInput) -> None:
        began.set()
        await release.wait()

    async with harness.worker({**ACTIONS, "slowly": slowly}):
        run = await harness.start(
            definition(
                step("pay", rollback_actions=["slowly"]), step("hangs", "pay", action="hangs", heartbeat_timeout=2)
            )
        )
        await reached(run, "hangs", "running")
        await run.cancel()
        await asyncio.wait_for(began.wait(), 30)
        await run.cancel()
        await asyncio.sleep(0.3)
        release.set()
        await ends(run, "Cancelled")


async def error_handlers(harness: Harness) -> None:
    handlers = [{"handler": "other", "on": ["OutOfStock"]}, {"handler": "tell", "on": ["CardDeclined"]}]
    steps = [
        step("pay", action="fails", error_handlers=handlers),
        step("other"),
        step("tell", input_mapping={"value": "steps.pay.error.message"}),
        step("after", "pay"),
    ]
    await finish(harness, definition(*steps))


async def continue_on_failure(harness: Harness) -> None:
    policy = {"max_attempts": 1, "continue_on_failure": True}
    await finish(
        harness, definition(step("pay", action="fails", retry_policy=policy), step("ship", "pay"), step("tell"))
    )


async def paused_retried_and_skipped(harness: Harness) -> None:
    tries: list[int] = []

    def flaky() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ActionError("no", type="Broken")

    async with harness.worker({**ACTIONS, "flaky": flaky}):
        run = await harness.start(
            definition(
                step("flaky", action="flaky", retry_policy=ONCE),
                step("bad", "flaky", action="fails"),
                {**ASK, "dependencies": ["bad"]},
                step("after", "ask"),
                on_failure="pause",
            )
        )
        await reached(run, "flaky", "failed")
        await run.pause("look first", by="op")
        await run.retry_step("flaky", "mended", by="op")
        await run.resume("looked", by="op")
        await reached(run, "bad", "failed")
        await run.skip_step("bad", "done by hand", by="op")
        await eventually(run.pending_approvals)
        await run.skip_step("ask", "decided by phone", by="op")
        await ends(run)


async def run_times_out(harness: Harness) -> None:
    hangs = step("hangs", "a", action="hangs", heartbeat_timeout=2, rollback_actions=["undo"])
    await finish(
        harness, definition(step("a", rollback_actions=["undo"]), hangs, timeout=1.0), failure="WorkflowTimeout"
    )


async def registered_type(harness: Harness) -> None:
    schema = {"type": "object", "required": ["number"]}
    workflow = definition(
        step("a", input_mapping={"value": "input.number"}), input_schema=schema, output={"is": "input.number"}
    )
    async with harness.worker(ACTIONS, definitions=[workflow]):
        await ends(await harness.start("test", {"number": 1}))


async def input_refused(harness: Harness) -> None:
    await finish(
        harness,
        definition(step("a"), input_schema={"type": "object", "required": ["number"]}),
        {},
        failure="InputInvalid",
    )


def turn(step_id: str = "turn", **more: Any) -> dict[str, Any]:
    """A step that can be undone."""
    return step(step_id, rollback_actions=["undo"], **more)


async def loop(harness: Harness) -> None:
    """An action and a body, repeated; then all rounds are undone."""
    poll = {"step_id": "poll", "step_type": "loop", "action": "work", "loop_condition": "iteration < 2"}
    body = {"step_id": "again", "step_type": "loop", "loop_condition": "iteration < 2", "body": [turn()]}
    after = [{**poll, "rollback_actions": ["undo"]}, {**body, "dependencies": ["poll"]}]
    recovers = step("bad", "again", action="fails", error_handlers=["back"])
    await finish(harness, definition(*after, recovers, {"step_id": "back", "step_type": "rollback"}))


async def for_each(harness: Harness) -> None:
    """Copies, two at a time, one of which fails; then all are undone."""
    copies = [turn(input_mapping={"n": "item"}), step("check", "turn", conditions=["item != 2"])]
    fan = {"step_id": "fan", "step_type": "parallel", "for_each": "input.items", "parallel_steps": copies}
    last = step("bad", "fan", action="fails")
    workflow = definition({**fan, "max_concurrency": 2}, last, retry_policy=ONCE)
    await finish(harness, workflow, {"items": [1, 2, 3]}, failure="WorkflowFailed")


async def race(harness: Harness) -> None:
    """The first event wins and the other wait is given up; a held lock and a region that an event ends."""
    waits = [{"step_id": name, "step_type": "wait", "wait": {"event": name}} for name in ("left", "right")]
    won = step("won", "left", "right", join="any", cancel_rest=True, lock="door")
    region: dict[str, Any] = {
        "step_id": "box",
        "step_type": "parallel",
        "cancel_on": {"event": "stop", "outcome": "complete"},
    }
    region["parallel_steps"] = [{"step_id": "held", "step_type": "wait", "wait": {"event": "never"}}]
    async with harness.worker(ACTIONS):
        run = await harness.start(definition(*waits, won, region, step("end", "box", lock="door")))
        await reached(run, "box.held", "waiting")
        await run.send_event("right")
        await reached(run, "won", "completed")
        await run.send_event("stop")
        await ends(run)


async def local(harness: Harness) -> None:
    """Two steps beside the run, and their undo."""
    steps = [turn("one", execution="local"), turn("two", execution="local", dependencies=["one"])]
    await finish(harness, definition(*steps, step("bad", "two", action="fails")), failure="WorkflowFailed")


async def many_local_steps(harness: Harness) -> None:
    """More of them than one workflow task does: the run wakes itself, once."""
    rounds = {"loop_condition": "iteration < 205", "loop_max_iterations": 205}
    poll = {"step_id": "poll", "step_type": "loop", "action": "work", "execution": "local", **rounds}
    await finish(harness, definition(poll))


async def sub_workflow(harness: Harness) -> None:
    """A child whose work is undone with the parent's."""
    child = definition(turn(), workflow_id="child")
    sub = {"step_id": "sub", "step_type": "sub_workflow", "workflow": "child"}
    recovers = step("bad", "sub", action="fails", error_handlers=["back"])
    async with harness.worker(ACTIONS, [child]):
        workflow = definition(sub, recovers, {"step_id": "back", "step_type": "rollback"})
        await ends(await harness.start(workflow, id="sub_workflow"))


async def webhook(harness: Harness) -> None:
    """A request to a service on loopback, and the event that answers it."""
    call = {"url": "input.url", "body": {"n": "1"}, "callback": {"event": "answered"}}
    with partner() as service:
        async with harness.worker(activities=http("127.0.0.1")):
            workflow = definition({"step_id": "tell", "step_type": "webhook", "webhook": call})
            run = await harness.start(workflow, {"url": service.address})
            await run.send_event("answered", {"ok": True})
            await ends(run)


async def react(harness: Harness) -> None:
    """An agent: calls at once, some approved, one refused and one that fails; an answer that does not fit."""
    tool = {"action": "work", "name": "work", "parameters": {"type": "object"}, "rollback_actions": ["undo"]}
    asks = {**tool, "name": "ask", "approve": "call.n > 1", "input_mapping": {"tenant": "'t1'"}}
    fails = {"action": "fails", "parameters": {"type": "object"}}
    agent = {
        "model": "one",
        "fallback_models": ["two"],
        "tools": [tool, asks, fails],
        "output_schema": {"type": "object"},
    }
    turns = [calls(("work", {"n": number}), ("ask", {"n": 1}), ("fails", {}), ("nope", {})) for number in range(4)]
    model = Model([*turns, calls(("ask", {"n": 2}), ("ask", {"n": 3})), says("no JSON"), says("{}")])
    step = {"step_id": "think", "step_type": "react", "agent": agent}
    async with harness.worker(ACTIONS, activities=[model.activity]):
        run = await harness.start(definition(step))

        async def asked() -> Any:
            return len(found := await run.pending_approvals()) == 2 and found

        first, second = await eventually(asked)
        await run.approve(first.path, approver="ann", digest=first.digest)
        await run.reject(second.path, approver="ann", digest=second.digest)
        await ends(run)


async def react_continued(harness: Harness) -> None:
    """The same over several histories, also while people are asked."""
    await react(cut_short(harness))


async def react_undone(harness: Harness) -> None:
    """An agent that reaches a limit: what its turns did is undone, the latest first."""
    tool = {"action": "work", "parameters": {"type": "object"}, "rollback_actions": ["undo"]}
    model = Model([calls(("work", {"n": 1}), ("work", {"n": 2}))])
    step = {"step_id": "think", "step_type": "react", "agent": {"model": "one", "tools": [tool], "max_turns": 3}}
    async with harness.worker(ACTIONS, activities=[model.activity]):
        await ends(await harness.start(definition(step)), "WorkflowFailed")


async def orchestrator(harness: Harness) -> None:
    """An orchestrator: subtasks at once, a test, one that people approve, and one that fails and is done without."""
    preload()
    work = {"action": "work", "parameters": {"type": "object"}, "rollback_actions": ["undo"]}
    workers = [
        {**work, "name": "one"},
        {**work, "name": "two", "needs": ["one"], "when": "results.one != null"},
        {**work, "name": "three", "needs": ["two"], "sensitive": True},
        {"action": "fails", "parameters": {"type": "object"}, "optional": True},
    ]
    made = {"workers": workers, "task": "{'n': 1}"}
    async with harness.worker(ACTIONS):
        run = await harness.start(definition({"step_id": "do", "step_type": "orchestrator", "orchestrator": made}))
        [asked] = await eventually(run.pending_approvals)
        await run.approve(asked.path, approver="ann", digest=asked.digest)
        await ends(run)


async def graph(harness: Harness) -> None:
    """A graph of a user's: calls, a question, and a node that runs again."""
    register_kept()
    work = {"action": "work", "name": "work", "rollback_actions": ["undo"]}
    step = {"step_id": "flow", "step_type": "orchestrator", "orchestrator": {"graph": "kept", "workers": [work]}}
    async with harness.worker(ACTIONS):
        run = await harness.start(definition({**step, "input_mapping": {"n": 1}}))

        async def asked() -> Any:
            return await run.pending_approvals()

        first = (await eventually(asked))[0]
        await run.approve(first.path, approver="ann", digest=first.digest, comment="fine")
        await ends(run)


async def continued_as_new(harness: Harness) -> None:
    """Rounds with something to undo, over several histories; one from the middle is kept."""
    harness.continue_after = 100
    again = {"step_id": "again", "step_type": "loop", "loop_condition": "iteration < 40", "body": [turn()]}
    asks = {**ASK, "approval": {"approvers": ["ann"]}}
    async with harness.worker(ACTIONS):
        run = await harness.start(definition(again, asks, step("bad", "again", "ask", action="fails")))
        await reached(run, "again", "completed")
        await run.approve("ask", approver="ann")
        await ends(run, "WorkflowFailed")


async def moved_while_it_waits(harness: Harness) -> None:
    """All that can wait is carried on twice: approvals, events, timers, a lock, a join, copies, a round, a child, an audit trail."""
    child = definition(
        {**turn(), "dependencies": ["ask"]}, {**ASK, "approval": {"approvers": ["ann"]}}, workflow_id="child"
    )
    both = {**ASK, "dependencies": ["first"], "approval": {"approvers": ["ann", "bob"], "required": 2}}
    later = {**ASK, "step_id": "later", "dependencies": ["ask"], "approval": {"approvers": ["ann"]}}
    copies = {"step_id": "fan", "step_type": "parallel", "for_each": "[1, 2, 3]", "max_concurrency": 2}
    rounds = {
        "step_id": "again",
        "step_type": "loop",
        "loop_condition": "iteration < 2",
        "body": [waits("turn", "round")],
    }
    either = [
        waits("left", "left"),
        waits("right", "right"),
        step("won", "left", "right", join="any", cancel_rest=True),
    ]
    workflow = definition(
        turn("first"),
        both,
        later,
        waits("inside", "leave", lock="door"),
        waits("outside", "leave", lock="door"),
        {**copies, "parallel_steps": [waits("one", "item", match="event == item")]},
        rounds,
        *either,
        {"step_id": "rest", "step_type": "wait", "wait": {"seconds": 3_000}},
        {"step_id": "sub", "step_type": "sub_workflow", "workflow": "child"},
        step("bad", "later", "outside", "fan", "again", "won", "rest", "sub", action="fails"),
    )
    cut_short(harness)
    async with harness.worker(ACTIONS, [child]):
        run = await harness.start(workflow, id="moved_while_it_waits")
        await eventually(run.pending_approvals)
        await run.approve("ask", approver="ann", comment="fine")
        await run.signal_approval("later", approver="ann", comment="early")
        await run.pause("look first", by="op")
        await run.send_event("item", 2, event_id="two")
        await hop(run)
        await run.resume("looked", by="op")
        for event in ("round", "leave", "right"):
            await run.send_event(event)
        await reached(run, "again#1.turn", "waiting")
        await hop(run)
        await run.approve("ask", approver="bob")
        await run.skip_step("rest", "long enough", by="op")
        for event, data in (("item", 1), ("item", 3), ("round", None), ("leave", None)):
            await run.send_event(event, data)
        await get_run(harness.client, "moved_while_it_waits/sub").signal_approval("ask", approver="ann")
        await ends(run, "WorkflowFailed")


async def moved_while_it_undoes(harness: Harness) -> None:
    """A rollback over several histories, one undo of which fails."""
    again = {"step_id": "again", "step_type": "loop", "loop_condition": "iteration < 12", "body": [turn()]}
    first = step("first", rollback_actions=["stuck"])
    cut_short(harness)
    workflow = definition(first, {**again, "dependencies": ["first"]}, step("bad", "again", action="fails"))
    await finish(harness, workflow, failure="RollbackIncomplete")


def waits(step_id: str, event: str, **more: Any) -> dict[str, Any]:
    """A step that waits for an event."""
    wait = {"event": event, **({"match": more.pop("match")} if "match" in more else {})}
    return {"step_id": step_id, "step_type": "wait", "wait": wait, **more}


async def assign_and_raise(harness: Harness) -> None:
    made: dict[str, Any] = {
        "input_mapping": {"left": "input.number - 1"},
        "output_mapping": {"result.left": "workflow.left"},
    }
    error = {"type": "OutOfStock", "message": "'only ' + string(workflow.left) + ' left'"}
    why = {"input_mapping": {"why": "steps.stop.error.message"}}
    await finish(
        harness,
        definition(
            {"step_id": "count", "step_type": "assign", **made},
            {
                "step_id": "stop",
                "step_type": "raise",
                "dependencies": ["count"],
                "error": error,
                "error_handlers": ["tell"],
            },
            {"step_id": "tell", "step_type": "assign", **why},
        ),
        {"number": 1},
    )


async def signed_decision(harness: Harness) -> None:
    signer, newer = Signer("one", int(time.time())), Signer("two", int(time.time()))
    with TemporaryDirectory() as folder:
        place = Path(folder) / "keys.json"
        approval = {"identity": "signed", "allow_self_approval": True, "required": 2, "assurance": {"amr": ["hwk"]}}
        async with harness.worker(decision_keys=publish(place, signer)):
            run = await harness.start(definition({**ASK, "approval": approval}), id="signed_decision")
            asked = (await eventually(lambda: run.pending_approvals()))[0]
            await run.signal_approval("ask", approver="eve", token=signer.decision(run.id, asked, "eve"))
            await run.approve("ask", approver="ann", token=signer.decision(run.id, asked, "ann", amr=["hwk"]))
            publish(place, newer)
            await run.approve("ask", approver="bob", token=newer.decision(run.id, asked, "bob", amr=["hwk"]))
            await ends(run)


SCENARIOS: tuple[Scenario, ...] = (
    signed_decision,
    assign_and_raise,
    moved_while_it_waits,
    moved_while_it_undoes,
    loop,
    for_each,
    race,
    local,
    many_local_steps,
    sub_workflow,
    webhook,
    react,
    react_continued,
    react_undone,
    orchestrator,
    graph,
    continued_as_new,
    sequential,
    sequential_fails,
    sequential_cancelled,
    attempt_times_out,
    linear_retry,
    worker_on_a_capability_queue,
    queue_nobody_polls,
    parallel_nested,
    parallel_fails,
    conditional,
    wait_seconds,
    wait_until,
    wait_for_events,
    wait_cancelled,
    approval_by_quorum,
    approval_given_early,
    approval_rejected,
    approval_at_its_deadline,
    approval_cancelled,
    rollback_step,
    rollback_step_fails,
    saga_with_a_failing_undo,
    cancelled_twice,
    error_handlers,
    continue_on_failure,
    paused_retried_and_skipped,
    run_times_out,
    registered_type,
    input_refused,
)
