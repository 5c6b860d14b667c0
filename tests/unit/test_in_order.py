"""What the SDK says at once is heard in an order that a replay knows."""

from __future__ import annotations

from collections.abc import Collection

import pytest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion

from advanced_workflow.workflows.engine.temporal.in_order import UNKNOWN_ORDER, InOrder


class Recorder:
    """Notes what it is told together, and answers each time with one timer, or with the end of the run."""

    def __init__(self, ends_after: int) -> None:
        self.heard: list[list[str]] = []
        self.ends_after = ends_after

    def activate(self, act: WorkflowActivation) -> WorkflowActivationCompletion:
        self.heard.append([name_of(job) for job in act.jobs])
        done = WorkflowActivationCompletion(run_id=act.run_id)
        command = done.successful.commands.add()
        if len(self.heard) == self.ends_after:
            command.complete_workflow_execution.SetInParent()
        else:
            command.start_timer.seq = len(self.heard)
        return done


def job(name: str) -> WorkflowActivationJob:
    """`l1`: end of a local activity; `r1`: of another; `s`: a signal; `q`: a query; `p`: a patch."""
    made = WorkflowActivationJob()
    match name[0]:
        case "l" | "r":
            made.resolve_activity.seq = int(name[1:])
            made.resolve_activity.is_local = name[0] == "l"
        case "s":
            made.signal_workflow.signal_name = name
        case "q":
            made.query_workflow.query_type = name
        case _:
            made.notify_has_patch.patch_id = name
    return made


def name_of(one: WorkflowActivationJob) -> str:
    if one.HasField("resolve_activity"):
        return f"{'l' if one.resolve_activity.is_local else 'r'}{one.resolve_activity.seq}"
    return one.signal_workflow.signal_name or one.query_workflow.query_type or one.notify_has_patch.patch_id


def activate(
    *jobs: str, replaying: bool, ends_after: int = 0, after: str = "s", recorded: Collection[int] | None = None
) -> tuple[list[list[str]], WorkflowActivationCompletion]:
    """What is heard of these, `after` something else that was heard alone; `recorded` is what the history says."""
    recorder = Recorder(ends_after)
    in_order = InOrder(recorder.activate, lambda after, up_to: recorded if (after, up_to) == (3, 9) else None)
    for length, names in ((3, [after]), (9, jobs)):
        recorder.heard.clear()
        done = in_order.activate(
            WorkflowActivation(
                run_id="run", is_replaying=replaying, history_length=length, jobs=[job(one) for one in names]
            )
        )
    return recorder.heard, done


@pytest.mark.parametrize(
    ("jobs", "heard"),
    [
        (("s", "r1"), [["s", "r1"]]),
        (("l1",), [["l1"]]),
        (("l1", "l2"), [["l1"], ["l2"]]),
        (("s", "r1", "l2"), [["s", "r1"], ["l2"]]),
        (("s", "p", "l1", "l2"), [["p", "s"], ["l1"], ["l2"]]),
        (("p", "l1"), [["p", "l1"]]),
    ],
)
@pytest.mark.parametrize("replaying", [True, False])
def test_each_end_of_a_local_activity_is_heard_by_itself(
    jobs: tuple[str, ...], heard: list[list[str]], replaying: bool
) -> None:
    told, completion = activate(*jobs, replaying=replaying)

    assert told == heard
    assert [one.start_timer.seq for one in completion.successful.commands] == [*range(1, len(heard) + 1)]


@pytest.mark.parametrize("jobs", [("s", "l1"), ("r1", "l2"), ("p", "r1", "l2", "l3")])
def test_a_live_run_that_was_asked_gives_a_task_back_where_the_history_cannot_be_read(jobs: tuple[str, ...]) -> None:
    told, completion = activate(*jobs, replaying=False, after="q")

    assert told == []
    assert completion.failed.failure.application_failure_info.type == UNKNOWN_ORDER
    assert activate(*jobs, replaying=True, after="q")[0] == activate(*jobs, replaying=False)[0]


@pytest.mark.parametrize(
    ("recorded", "heard"),
    [
        ([], [["p", "s", "r1"], ["l2"], ["l3"]]),
        ([2], [["p", "l2"], ["s", "r1"], ["l3"]]),
        ([3], [["p", "l3"], ["s", "r1"], ["l2"]]),
        ([1, 2, 3], [["p", "l2"], ["l3"], ["s", "r1"]]),
    ],
)
def test_a_live_run_that_was_asked_hears_first_what_was_recorded_with_its_answer(
    recorded: list[int], heard: list[list[str]]
) -> None:
    told, completion = activate("p", "s", "r1", "l2", "l3", replaying=False, after="q", recorded=recorded)

    assert told == heard
    assert len(completion.successful.commands) == len(heard)


@pytest.mark.parametrize("jobs", [("s", "r1"), ("l1",), ("l1", "l2")])
def test_a_live_run_that_was_asked_hears_at_once_what_has_one_order(jobs: tuple[str, ...]) -> None:
    told, completion = activate(*jobs, replaying=False, after="q")

    assert [one for part in told for one in part] == [*jobs]
    assert not completion.HasField("failed")


def test_nothing_is_heard_after_the_run_has_ended() -> None:
    told, completion = activate("s", "l1", "l2", replaying=True, ends_after=2)

    assert told == [["s"], ["l1"]]
    assert completion.successful.commands[-1].HasField("complete_workflow_execution")
