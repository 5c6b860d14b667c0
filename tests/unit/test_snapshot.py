from __future__ import annotations

import json
import os
from base64 import b64encode
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.contract import DecideRequest, ErrorInfo, EventMessage, RunStatus, SkipReason
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.engine.graph.plan import Plan, plan_of
from advanced_workflow.workflows.engine.people.approvals import Approvals
from advanced_workflow.workflows.engine.people.event_ids import MOST as SEEN_KEPT
from advanced_workflow.workflows.engine.people.events import Events
from advanced_workflow.workflows.engine.people.operations import Operations
from advanced_workflow.workflows.engine.run.snapshot import earlier_part, packed
from advanced_workflow.workflows.engine.state.frames import Frame
from advanced_workflow.workflows.engine.state.live_state import KEPT, LiveState, root_frame
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.engine.state.thinking import Thinking
from advanced_workflow.workflows.engine.undo.saga import Saga
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog
from advanced_workflow.workflows.errors import DataInvalid, SelfApproval, StateTooLarge
from tests.examples import profile

OTHER_NAMES = {"rejected": "refused", "left_out": "refused", "seen": "ids", "audit_left_out": "audit"}
"""What is carried in more parts than it is held in, or in parts that older releases read."""

DEFINITION = AdvancedWorkflow.model_validate(
    {
        "workflow_id": "snapshot",
        "global_variables": {"count": 0},
        "steps": [
            {"step_id": "first", "action": "work"},
            {
                "step_id": "fan",
                "step_type": "parallel",
                "for_each": "[1, 2]",
                "parallel_steps": [
                    {
                        "step_id": "again",
                        "step_type": "loop",
                        "loop_condition": "true",
                        "body": [
                            {
                                "step_id": "both",
                                "step_type": "parallel",
                                "parallel_steps": [
                                    {"step_id": "a", "action": "work"},
                                    {"step_id": "b", "action": "work"},
                                ],
                            }
                        ],
                    }
                ],
            },
            {"step_id": "ask", "step_type": "human_approval"},
        ],
    }
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_of(DEFINITION.model_dump(mode="json"), "snapshot")


def again(plan: Plan, state: LiveState) -> LiveState:
    """The state as the next history reads it."""
    later = LiveState(plan, None, {})
    later.load(json.loads(json.dumps(state.dump())))
    return later


@profile(40)
@given(data=st.data())
def test_a_record_of_any_shape_is_carried(data: st.DataObject) -> None:
    plan = plan_of(DEFINITION.model_dump(mode="json"), "snapshot")
    draw = data.draw
    text = st.none() | st.text(min_size=1, max_size=5)
    record = Record(plan.steps["a"], StepPath("fan[0].again#7.both.a"), draw(st.sampled_from(StepStatus)))
    record.start_time, record.end_time, record.waiting_for = draw(text), draw(text), draw(text)
    record.has_output = draw(st.booleans())
    record.output = draw(JSON) if record.has_output else None
    record.notes = draw(st.dictionaries(st.text(), JSON, max_size=2))
    record.cursor = draw(st.dictionaries(st.text(), JSON, max_size=2))
    record.error = draw(st.none() | st.builds(ErrorInfo, type=st.text(), message=st.text(), details=JSON))
    record.routed = draw(st.none() | st.frozensets(st.text(max_size=3), max_size=2))
    record.retry_count = draw(st.integers(0, 3))
    record.recovered, record.closed = draw(st.booleans()), draw(st.booleans())
    record.skip_reason = draw(st.none() | st.sampled_from(SkipReason))

    later = Record.load(json.loads(json.dumps(record.dump())), plan.steps)

    assert later.resumed == (not record.closed and record.status is not StepStatus.PENDING)
    later.resumed = False
    assert later == record


def test_no_field_of_a_record_is_forgotten(plan: Plan) -> None:
    values: dict[str, Any] = {
        "error": ErrorInfo(type="Broken", message="no"),
        "routed": frozenset("x"),
        "skip_reason": SkipReason.NOT_NEEDED,
    }
    for one in fields(Record):
        if one.name in ("plan", "path", "status", "resumed"):
            continue
        record = Record(plan.steps["a"], StepPath("a"), StepStatus.RUNNING)
        setattr(record, one.name, values.get(one.name, {"a": 1} if "dict" in str(one.type) else 1))

        assert record.dump() != Record(plan.steps["a"], StepPath("a"), StepStatus.RUNNING).dump(), one.name


def test_what_a_run_holds_is_carried_or_made_again(plan: Plan) -> None:
    state = LiveState(plan, None, {})
    known: dict[object, set[str]] = {
        state: {
            "plan",
            "input_data",
            "run_info",
            "active",
            "output_error",
            "thinking",
            "changes",
            "_ended",
            "_carried",
        },
        Approvals(state, None, {}): {
            "_state",
            "_room",
            "_judge",
            "_addresses",
            "_former",
            "open",
            "_ended",
            "identity",
            "_started_by",
        },
        Events(): {"_waiters", "_listeners", "_changes", "_changed", "_room", "_size", "_count"},
        Operations(state): {"_state", "_signed", "_before_signed", "_opened", "_held_before", "waiting"},
    }

    for part, made_again in known.items():
        dumped: dict[str, Any] = part.dump()  # pyright: ignore[reportAttributeAccessIssue]
        held = {name.removeprefix("_") for name in set(vars(part)) - made_again}
        assert held == set(dumped) - OTHER_NAMES.keys() | {OTHER_NAMES[one] for one in OTHER_NAMES.keys() & set(dumped)}
    # While something is undone the run does not continue as new.
    carried = {"log", "failed", "entries", "counts", "kept", "by_itself", "undone"}
    assert {one.name for one in fields(Saga)} - {"plans", "may_repeat", "_undoing"} == carried


def test_counts_and_what_is_under_way_come_back(plan: Plan) -> None:
    state, frame = LiveState(plan, None, {}), root_frame(UndoLog())
    inner = frame.repeated("fan", "fan[0]", UndoLog(), {}).repeated("again", "again#3", UndoLog(), {})
    inner = inner.within("both", "both", UndoLog())
    state.change(state.records["first"], StepStatus.COMPLETED)
    state.records["first"].closed = True
    state.change(state.records["fan"], StepStatus.RUNNING)
    running = state.open("a", plan.steps["a"], inner)
    state.change(running, StepStatus.WAITING)
    state.open("b", plan.steps["b"], inner)
    state.variables, state.status = {"count": 3}, RunStatus.PAUSED

    later = again(plan, state)

    assert later.counts == state.counts
    assert (later.variables, later.status) == ({"count": 3}, RunStatus.PAUSED)
    assert list(later.active) == ["fan", running.path]
    assert list(later.records) == list(state.records)
    assert [path for path, one in later.records.items() if one.resumed] == ["fan", running.path]
    later.open("b", plan.steps["b"], inner)
    assert later.counts == state.counts


def test_passes_that_go_on_own_the_records_they_made(plan: Plan) -> None:
    state, frame = LiveState(plan, None, {}), root_frame(UndoLog())
    copy = frame.repeated("fan", "fan[1]", UndoLog(), {})
    passes = [copy, copy.repeated("again", "again#9", UndoLog(), {}), copy.repeated("again", "again#90", UndoLog(), {})]
    for one in passes[1:]:
        state.change(state.open("both", plan.steps["both"], one), StepStatus.RUNNING)

    later = again(plan, state)

    opened: list[list[str]] = []
    for one in passes:
        fresh = Frame(UndoLog(), one.prefix, opened={})
        later.adopt(fresh)
        opened.append(list(fresh.opened or {}))
    assert opened == [
        ["fan[1].again#9.both", "fan[1].again#90.both"],
        ["fan[1].again#9.both"],
        ["fan[1].again#90.both"],
    ]


def test_passes_that_have_ended_are_shown_and_counted_but_not_carried(plan: Plan) -> None:
    state, frame = LiveState(plan, None, {}), root_frame(UndoLog())
    for number in range(KEPT + 10):
        copy = frame.repeated("fan", f"fan[{number}]", UndoLog(), {})
        state.change(state.open("again", plan.steps["again"], copy), StepStatus.COMPLETED)
        state.end_pass(copy, frame, keep=False)

    later = again(plan, state)

    assert len(state.records) == KEPT + 3
    assert list(later.records) == ["first", "fan", "ask"]
    assert later.counts == state.counts
    assert later.counts[StepStatus.COMPLETED] == KEPT + 10


@pytest.fixture
def _new_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests run outside of a workflow, where nothing can be patched."""
    for module in ("events", "approvals"):
        monkeypatch.setattr(f"advanced_workflow.workflows.engine.people.{module}.patched", lambda _: True)
    monkeypatch.setattr(Thinking, "spend", lambda *_: None)


@pytest.mark.usefixtures("_new_rules")
def test_events_keep_their_order_and_their_ids() -> None:
    events = Events()
    for number in range(SEEN_KEPT + 5):
        events.receive(EventMessage(event="x" if number % 2 else "y", data=number, event_id=str(number)))
    later = Events()
    later.load(json.loads(json.dumps(events.dump())))
    before = len(later.unconsumed())
    for number in (5, SEEN_KEPT + 3):
        later.receive(EventMessage(event="x", data=number, event_id=str(number)))

    assert before == SEEN_KEPT + 5
    assert later.unconsumed() == events.unconsumed()
    later.receive(EventMessage(event="x", data="forgotten", event_id="3"))
    assert later.unconsumed()[-1].data == "forgotten"


@pytest.mark.usefixtures("_new_rules")
def test_early_decisions_and_refused_ones_are_carried(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("refused", "open_approval"):
        monkeypatch.setattr(
            f"advanced_workflow.workflows.engine.people.{module}.timestamp", lambda: "2030-01-31T08:00:00.000Z"
        )
    approvals = Approvals(LiveState(plan, None, {}), "sam", {})
    given = DecideRequest(step_id="ask", approver="ann", decision="approve", decision_id="one", form={"a": 1})
    arrived = datetime(2030, 1, 31, tzinfo=UTC)
    approvals.decide(given, arrived)
    with pytest.raises(SelfApproval) as refused:
        approvals.decide(given.model_copy(update={"approver": "sam", "decision_id": None}), arrived)
    approvals.log(refused.value.code, str(refused.value), {"approver": "sam"})
    later = Approvals(LiveState(plan, None, {}), "sam", {})
    later.load(json.loads(json.dumps(approvals.dump())))

    assert later.dump() == approvals.dump()
    assert [one.code for one in later.rejected] == ["SelfApproval"]
    later.decide(given, arrived)
    assert len(later.dump()["early"]["ask"]) == 1


def test_a_snapshot_comes_out_of_its_package_as_it_was() -> None:
    snapshot = {"state": {"ü": [1, 2.5, None, "\u2028"]}, "undo": []}

    assert earlier_part(json.loads(json.dumps(packed(snapshot, 1000)))) == snapshot
    assert earlier_part(None) is None


@pytest.mark.parametrize("value", ["text", 7, [], {"format": "adw-0", "data": ""}, {"data": "x"}, {"format": "adw-1"}])
def test_an_argument_that_is_no_snapshot_is_refused(value: Any) -> None:
    with pytest.raises(DataInvalid, match="continue as new"):
        earlier_part(value)


@pytest.mark.parametrize("data", ["", "not base64!", "eJw=", b64encode(b"plain").decode()])
def test_a_broken_package_is_refused(data: str) -> None:
    with pytest.raises(DataInvalid, match="continue as new"):
        earlier_part({"format": "adw-1", "data": data})


def test_a_snapshot_that_is_too_large_names_its_largest_part() -> None:
    noise = b64encode(os.urandom(3000)).decode()

    with pytest.raises(StateTooLarge, match=r"the limit is 2,000 \(the largest part is 'undo', 4,0\d\d bytes\)"):
        packed({"state": {"a": 1}, "undo": noise}, 2000)
