"""Whether what a run did is allowed: its end, its steps, what began when, what was undone in which order, and its report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent
from temporalio.client import WorkflowHistory

from advanced_workflow.workflows.contract import RollbackReport
from tests.engine.arena import Actions, Recorded
from tests.engine.cases import Case
from tests.engine.reference import Fate, Prediction, predict
from tests.engine.script import is_repeated, place_of, step_id_of
from tests.harness import Harness, Outcome
from tests.laws.stories import stories

_CANCELLED = "Cancelled"
_UNDO = re.compile(r"\.rollback\[\d+\]$")


async def check_run(actions: Actions, case: Case, name: str) -> None:
    """Run a case; what happens must be what the reference model allows."""
    recorded = actions.recorded(case, name)
    try:
        _, outcome = await actions.run(case, name)
        prediction = predict(case.definition, case.script, case.children)
        if recorded.cancelled and outcome.failure in (_CANCELLED, "RollbackIncomplete"):
            prediction.cut_anywhere()
        if prediction.unsure:
            return
        told = await told_by_runs(actions.harness, outcome) if case.children or case.conduct.pauses else []
        Allowed(recorded, outcome, prediction, children_in(told)).check()
        if case.conduct.pauses:
            check_pauses(told, outcome)
    except BaseException as error:
        if isinstance(error, AssertionError) and not await actions.proves(name):
            return
        error.add_note(f"run: {name}\ncase: {case!r}\nbegan: {recorded.began}\nundone: {recorded.undo_ended}")
        raise


class Allowed:
    """A run that has ended, and what may have happened in it."""

    def __init__(
        self, recorded: Recorded, outcome: Outcome, prediction: Prediction, children: list[ChildRun] | None = None
    ) -> None:
        self.recorded = recorded
        self.outcome = outcome
        self.ends, self.report = ends_of(outcome)
        self.children = children or []
        for child in self.children:
            self.ends.update(child.ends)
        self.prediction = prediction
        self.steps = {step["step_id"]: step for step in recorded.case.steps}
        self.cut = recorded.cancelled and outcome.failure is not None
        self.all_undone = bool(prediction.failing) or self.cut
        """The run did not succeed: everything is undone."""
        self.sure = set(recorded.done) | {path for path in recorded.began if self.is_doubtful(path)}
        """Steps that took effect, or may have."""

    def is_doubtful(self, path: str) -> bool:
        return self.recorded.case.script.at(path) in ("times_out", "doubtful", "recovers")

    def check(self) -> None:
        assert not self.recorded.twice
        self.check_end()
        self.check_steps()
        self.check_effects()
        self.check_rollback()

    def check_end(self) -> None:
        fails = self.recorded.case.script.undo_fails
        left_over = {path for path in self.recorded.undo_ended if step_id_of(path) in fails}
        plain = {"WorkflowFailed", *(["ApprovalRejected"] if self.asks else [])}
        failed = {"RollbackIncomplete"} if left_over else {_CANCELLED} if self.cut else plain
        expected = failed if self.all_undone else {None}
        assert self.outcome.failure in expected, self.outcome.message

    @property
    def asks(self) -> bool:
        return any(step["step_type"] == "human_approval" for step in self.steps.values())

    def check_steps(self) -> None:
        prediction = self.prediction
        for path, end in self.ends.items():
            fate = prediction.fates.get(path)
            if fate is None or path in prediction.never:
                assert end[0] == "pending", path
            elif path in prediction.loose:
                # What follows one that was not let begin is not routed to.
                assert end in [*possible(fate), ("skipped", "not_needed"), ("skipped", "not_routed")], (path, end)
            elif path in prediction.must:
                assert end == (fate.status, fate.reason), (path, end)
            else:
                assert end in possible(fate), (path, end)
        assert {path for path in prediction.must if not is_repeated(path)} <= set(self.ends)

    def check_effects(self) -> None:
        prediction, recorded = self.prediction, self.recorded
        ran = {
            path for path, fate in prediction.fates.items() if fate.status != "skipped" and path in prediction.earlier
        }
        by_hand = {path for path, fate in prediction.fates.items() if fate.reason == "skipped_by_operator"}
        ran = {path for path in ran | by_hand if self.is_action(path)}
        begun = set(recorded.began)
        may_begin = ran - prediction.never - prediction.barred
        assert begun <= may_begin, begun - may_begin
        assert (ran - by_hand) & prediction.must <= begun
        for path, position in recorded.began.items():
            for earlier in prediction.earlier[path] & set(recorded.done):
                assert recorded.done[earlier] < position, f"{path} began before {earlier} was done"

    def is_action(self, path: str) -> bool:
        step = self.steps[step_id_of(path)]
        return "action" in step and (step["step_type"] != "loop" or "#" in path.rpartition(".")[2])

    def check_rollback(self) -> None:
        prediction, undone = self.prediction, set(self.recorded.undo_ended)
        rolled = bool(prediction.rolled_back)
        if self.all_undone:
            assert prediction.undo_must() <= undone, prediction.undo_must() - undone
            assert self.sure & prediction.undoable <= undone, self.sure & prediction.undoable - undone
            assert undone <= self.undo_may, undone - self.undo_may
            latest, last_undo = self.recorded.latest, self.recorded.latest_undo
            again = {path for path in set(latest) & prediction.undoable if last_undo[path] < latest[path]}
            assert not again, "done again after it was undone, and left"
        else:
            by_itself = set(prediction.by_itself) - (prediction.kept & prediction.vague)
            assert prediction.undo_must() & by_itself <= undone, prediction.undo_must() & by_itself - undone
            assert self.sure & by_itself <= undone, self.sure & by_itself - undone
            may = self.undo_may & (prediction.undoable if rolled else set(prediction.by_itself))
            may |= prediction.undo_by_children()
            assert undone <= may, undone - may
        self.check_rollback_steps()
        self.check_order()
        if self.report is None:
            assert all(is_in_child(path) for path in undone)
            assert self.cut or not self.all_undone
        self.check_report(self.report)

    @property
    def undo_may(self) -> set[str]:
        return self.prediction.undo_may() | (self.recorded.lost & self.prediction.undoable)

    def check_rollback_steps(self) -> None:
        """A `rollback` step undoes what had ended before it."""
        for step, ended in self.prediction.rolled_back.items():
            if self.prediction.fates[step].status == "completed" and step in self.prediction.must:
                must = ended & self.prediction.undo_must()
                assert must <= set(self.recorded.undo_ended), must - set(self.recorded.undo_ended)

    def check_order(self) -> None:
        """What came later is undone first; what is undone by itself, before anything follows its container."""
        prediction, recorded, own = self.prediction, self.recorded, self.prediction.by_itself
        rolled_back = prediction.rolled_back.values()
        for path, later in self.pairs_undone():
            # A `rollback` step leaves what runs meanwhile.
            apart = any(later not in ended for ended in rolled_back)
            if path in prediction.earlier[later] and not apart and own.get(path) in (None, own.get(later)):
                ended, begun = recorded.undo_ended[later], recorded.undo_began[path]
                assert ended < begun, f"{path} was undone before {later}, which came after it"
        for path in set(recorded.undo_ended) & set(own) - prediction.vague if not self.all_undone else ():
            for later, begun in recorded.began.items():
                if own[path] in prediction.earlier[later] and later not in prediction.recovering.get(own[path], ()):
                    assert recorded.undo_ended[path] < begun, f"{later} began before {path} was undone by itself"

    def pairs_undone(self) -> Iterator[tuple[str, str]]:
        undone, vague = self.recorded.undo_ended, self.prediction.vague
        return ((one, two) for one in undone if one not in vague for two in undone if two in self.recorded.began)

    def check_report(self, report: RollbackReport | None) -> None:
        """The reports of the run and of its children say together what was undone, and its own one all that was not."""
        prediction = self.prediction
        own = list(entries_of(report, ""))
        assert self.may_repeat or len(own) == len({path for path, _ in own}), "an undo is listed twice"
        told = own + [entry for child in self.children for entry in child.entries]
        failed = {path for path, outcome in told if outcome == "failed"}
        acted = dict.fromkeys((path for path, outcome in told if outcome == "undone"), "undone")
        acted |= dict.fromkeys(failed, "failed")
        kept = {path for path, outcome in told if outcome == "kept"} - set(acted)
        known = {name for path in prediction.kept for name in names_of(path)}
        assert kept <= known, kept - known
        if not self.all_undone and not prediction.rolled_back:
            stands = self.heard(set(self.recorded.done) & prediction.kept - prediction.vague)
            untold = {path for path in stands if kept.isdisjoint(names_of(path))}
            assert not untold, untold
        fails = self.recorded.case.script.undo_fails
        expected = {path: "failed" if step_id_of(path) in fails else "undone" for path in self.recorded.undo_ended}
        heard = self.heard(set(expected) | set(acted))
        assert {path: acted.get(path) for path in heard} == {path: expected.get(path) for path in heard}
        not_needed = {path for path, _ in told} - set(acted) - kept
        assert not_needed <= prediction.undoable
        assert not not_needed & set(self.recorded.done), "done, and said to need no undo"
        if self.all_undone:
            began = {path for path in prediction.undoable & prediction.must if path in self.recorded.began}
            untold = {path for path in began - set(acted) - not_needed if not is_in_child(path)}
            assert not untold, untold
        open_effects = {path for path, outcome in own if outcome == "failed"}
        assert failed == open_effects, "what a child could not undo is not in the run's own report"
        assert report is None or report.complete == (not open_effects)

    @property
    def may_repeat(self) -> bool:
        """Whether something may have run again, with effects of its own."""
        return bool(self.recorded.eras) or any(child.again for child in self.children)

    def heard(self, paths: set[str]) -> set[str]:
        """Less what ran in children that were cancelled: these make no report."""
        silent = tuple(child.before for child in self.children if child.is_silent)
        return {path for path in paths if not path.startswith(silent)}


End = tuple[str, str | None]
"""Status, and the reason of a skipped step."""


@dataclass(frozen=True)
class ChildRun:
    """What a child's own history says; `before` is what its paths begin with."""

    before: str
    again: bool
    is_silent: bool
    ends: dict[str, End]
    entries: list[tuple[str, str]]


def is_in_child(path: str) -> bool:
    return ">" in path


def names_of(path: str) -> list[str]:
    """What a run calls something that it kept: a step of its own by its path, what a child did by the step that ran the child."""
    return [path, *(path[:place] for place, sign in enumerate(path) if sign == ">")]


async def told_by_runs(harness: Harness, outcome: Outcome) -> list[WorkflowHistory]:
    """The histories of a run and its children."""
    return await Harness(harness.client, handles=[outcome.handle]).histories()


def children_in(histories: list[WorkflowHistory]) -> list[ChildRun]:
    """Those that have ended, the earlier attempts first; not what undoes them."""
    found: list[ChildRun] = []
    for story in stories(histories):
        before = place_of(story.workflow_id)[1]
        if not before or story.known.undo_only or story.end == "continued":
            continue
        result = story.report or {}
        ends = {
            before + path: end_of(one["status"], one.get("skip_reason"))
            for path, one in result.get("steps", {}).items()
        }
        report = result.get("rollback")
        entries = list(entries_of(RollbackReport.model_validate(report) if report else None, before))
        found.append(ChildRun(before, "~" in story.workflow_id, story.end == "canceled", ends, entries))
    return found


def entries_of(report: RollbackReport | None, before: str) -> Iterator[tuple[str, str]]:
    """Path and outcome of what a report lists."""
    for entry in report.entries if report else ():
        yield (place_of(entry.run)[1] if entry.run else before) + entry.path, entry.outcome.value


def ends_of(outcome: Outcome) -> tuple[dict[str, End], RollbackReport | None]:
    """How each step ended, and the rollback; of a run that was cancelled its state tells."""
    if outcome.result is not None:
        entries = outcome.result.steps
        return {
            path: end_of(one["status"], one.get("skip_reason")) for path, one in entries.items()
        }, outcome.result.rollback
    if outcome.state is None:  # It was cancelled before it began.
        return {}, None
    steps = outcome.state.steps
    return {one.path: end_of(one.status, one.skip_reason) for one in steps}, outcome.state.rollback


def end_of(status: object, reason: object) -> End:
    return str(status), None if reason is None else str(reason)


def possible(fate: Fate) -> list[End]:
    """Ends of a step that may have been cut short: its own, not started, or cancelled while it ran."""
    cut_short = [] if fate.status == "skipped" and fate.reason != "skipped_by_operator" else [("failed", None)]
    return [(fate.status, fate.reason), ("pending", None), *cut_short]


def check_pauses(histories: list[WorkflowHistory], outcome: Outcome) -> None:
    """From a pause's answer to the next `resume` no action was started; what undoes goes on, and what children do."""
    chain = [one for one in histories if one.workflow_id == outcome.handle.id]
    started = started_while_paused(event for history in chain for event in history.events)
    assert not [one for one in started if not _UNDO.search(one)], "started in a paused run"


def started_while_paused(events: Iterable[HistoryEvent]) -> Iterator[str]:
    """Ids of the actions that were scheduled then."""
    paused, names = False, dict[str, str]()
    for event in events:
        match event.event_type:
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_ACCEPTED:
                request = event.workflow_execution_update_accepted_event_attributes.accepted_request
                if request.input.name == "resume":  # A pause that is answered later holds nothing.
                    paused, names = False, {}
                names[request.meta.update_id] = request.input.name
            case EventType.EVENT_TYPE_WORKFLOW_EXECUTION_UPDATE_COMPLETED:
                done = event.workflow_execution_update_completed_event_attributes
                paused = paused or (names.get(done.meta.update_id) == "pause" and done.outcome.HasField("success"))
            case EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED if paused:
                scheduled = event.activity_task_scheduled_event_attributes
                if not scheduled.activity_type.name.startswith("adw."):
                    yield scheduled.activity_id
            case _:
                pass
