"""A law: wherever a run continues as new, and whatever the first task of the new history brings, nothing comes out otherwise."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.engine.alone import Alone, Refused, cancel, signal, update
from tests.engine.stage import act, box, deed, fan, loop, waits
from tests.examples import profile
from tests.harness import definition

LOCKED = {"lock": {"name": "desk"}}
MANY = definition(
    deed("first", rollback_actions=["undo", "undo_more"]),
    deed("second", "first"),
    waits("go"),
    deed("b", "go"),
    {"step_id": "ask", "step_type": "human_approval", "approval": {"required": 2}},
    act("c", "ask"),
    {"step_id": "sign", "step_type": "human_approval", "dependencies": ["go"], "approval": {"required": 2}},
    {"step_id": "job", "step_type": "wait", "wait": {"seconds": 1000}, "cancel_on": {"event": "stop"}},
    waits("x", **LOCKED),
    waits("y", **LOCKED),
    waits("soon", wait={"timeout": 500, "on_timeout": "continue"}),
    waits("now"),
    deed("bad", "now"),
    loop("again", waits("more"), deed("did", "more"), rounds=3),
    fan("each", "[1, 2]", waits("item", wait={"match": "event == item"})),
    box("any", waits("p"), waits("q"), max_concurrency=1),
    waits("late", wait={"transient": True}),
    on_failure="pause",
    timeout=2000,
    max_parallel_steps=3,
)
BY = {"by": "ann", "reason": "so"}


def sent(name: str, **more: Any) -> tuple[Any, ...]:
    return signal, "event", {"event": name, "data": 1, **more}


def decided(step_id: str, approver: str, decision: str = "approve", **more: Any) -> tuple[Any, ...]:
    return update, "decide_step", {"step_id": step_id, "approver": approver, "decision": decision, **more}


def skipped(step_id: str, **more: Any) -> tuple[Any, ...]:
    return update, "skip_step", {"step_id": step_id, **BY, **more}


PEOPLE: dict[str, tuple[Any, ...]] = {
    "go": sent("go"),
    "ann approves": (signal, "approve_step", {"step_id": "ask", "approver": "ann", "decision_id": "one"}),
    "ben approves": decided("ask", "ben"),
    "ben rejects": decided("ask", "ben", "reject", decision_id="one"),
    "ann signs": (signal, "approve_step", {"step_id": "sign", "approver": "ann", "decision_id": "two"}),
    "ben signs under ann's id": decided("sign", "ben", decision_id="two"),
    "ben signs": decided("sign", "ben"),
}
OPERATORS: dict[str, tuple[Any, ...]] = {
    **{name: sent(name) for name in ("go", "now", "x", "more")},
    "pause": (update, "pause", BY),
    "resume": (update, "resume", BY),
    "retry": (update, "retry_step", {"step_id": "bad", **BY}),
    **{f"skip {name}": skipped(name) for name in ("bad", "go", "b", "job", "soon")},
    "skip with output": skipped("x", output=7),
    "time": (),
}
EVENTS: dict[str, tuple[Any, ...]] = {
    **{name: sent(name) for name in ("stop", "x", "y", "more", "item", "p", "q", "late")},
    "item 2": sent("item", data=2),
    "go once": sent("go", event_id="one"),
    "go of the same id": sent("go", event_id="one", data=2),
    "time": (),
}
SAID = {**PEOPLE, **OPERATORS, **EVENTS}
MOVES = (
    st.sampled_from([PEOPLE, OPERATORS, EVENTS, SAID])
    .flatmap(lambda said: st.lists(st.sampled_from(list(said)), min_size=2, max_size=4))
    .flatmap(lambda few: st.lists(st.tuples(st.sampled_from(few), st.sampled_from([True, True, False])), max_size=9))
)
"""Of few that belong together, so that they come again and meet each other."""
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+")
"""A hop takes a moment, and the seconds stay: runs begin at two fifths of one."""


@dataclass
class Played:
    alone: Alone
    told: list[str] = field(default_factory=list[str])
    """What was refused, by the type of the refusal."""


@given(MOVES)
@example([("skip b", True), ("go", True)])
@example([("go once", False), ("go once", True), ("go of the same id", True)])
@example([("pause", False), ("time", False), ("resume", False), ("x", True)])
@example([("ben approves", True), ("go", True), ("ann signs", True), ("ben signs under ann's id", True)])
@profile(25)
def test_hops_change_nothing(moves: list[tuple[str, bool]]) -> None:
    whole, cut = play(moves, hops=False), play(moves, hops=True)

    assert told_of(cut) == told_of(whole)
    assert cut.alone.histories > whole.alone.histories == 1  # It does not hold because nothing was cut.


def play(moves: list[tuple[str, bool]], *, hops: bool) -> Played:
    """Play the moves, then cancel the run and let all be undone while people go on talking."""
    played = Played(Alone(MANY))
    _work(played)
    for move, hop in moves:
        _make(played, move, hop=hop and hops)
    if not played.alone.end:
        played.told += [
            *_lines(played.alone.query("state")),
            *map(json.dumps, _timeless(played.alone.query("pending_approvals"))),
        ]
    _make(played, "cancel", hop=hops)
    for _ in range(100):
        if played.alone.end:
            played.told += _lines(played.alone.query("state"))
            played.alone.leave()
            return played
        for move in ("ben approves", "pause"):
            _make(played, move, hop=hops)
        _make(played, "", hop=hops)
    raise AssertionError("the run does not end")


def _make(played: Played, move: str, *, hop: bool) -> None:
    """One move, and what the actions do that it starts."""
    if played.alone.end:
        return
    tell = played.alone.hop if hop else played.alone.tell
    try:
        if move == "time":
            _let_time_pass(played.alone)
        elif move:
            make, *given = SAID.get(move, (cancel,))
            tell(make(*given))
    except Refused as refused:
        played.told.append(f"{move}: {refused.type}")
    _work(played, undoing=not move)


def _work(played: Played, *, undoing: bool = False) -> None:
    """All actions end; undo actions one at a time."""
    alone = played.alone
    while True:
        if not alone.end or alone.end.startswith("continue"):
            alone.settle()
        ready = [one for one in alone.asked if undoing or ".rollback[" not in one]
        if not ready or alone.end:
            return
        alone.tell(alone.failed("bad") if ready[0] == "bad" else alone.completed(ready[0], 5))
        undoing = False


def _let_time_pass(alone: Alone) -> None:
    if alone.timers:
        alone.fire(min(alone.timers, key=lambda seq: alone.timers[seq]))


def _lines(state: dict[str, Any]) -> list[str]:
    """What a run says of itself, less the steps of rounds and copies that are over: these are let go of with their history."""
    steps = [one for one in state.pop("steps") if one["end_time"] is None or not set("[#") & set(one["path"])]
    steps.sort(key=lambda one: one["path"])
    return [json.dumps(_timeless(one)) for one in (*steps, *(item for item in state.items()))]


def told_of(played: Played) -> list[Any]:
    result = _timeless(played.alone.result) or {}
    return [*played.told, *played.alone.began, played.alone.end, *_lines_of_result(result)]


def _lines_of_result(result: dict[str, Any]) -> list[str]:
    steps = result.pop("steps", {})
    kept = {path: one for path, one in steps.items() if not set("[#") & set(path)}
    if "steps_left_out" in result:
        result["steps_left_out"] += len(steps) - len(kept)
    return [json.dumps(one) for one in (*sorted(kept.items()), *result.items())]


def _timeless(value: Any) -> Any:
    """To the second."""
    found = json.loads(_TIME.sub(r"\1", json.dumps(value)))
    if isinstance(found, dict):
        found.pop("duration_seconds", None)
    return found
