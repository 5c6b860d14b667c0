"""Which step a decision is for: by its id where it asks once in a run, else by its path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from advanced_workflow.workflows.contract import Json
from advanced_workflow.workflows.contract.paths import PathPart, StepPath
from advanced_workflow.workflows.definition.model.step_type import StepStatus, StepType
from advanced_workflow.workflows.definition.problems.places import listed
from advanced_workflow.workflows.engine.graph.step_plan import StepPlan
from advanced_workflow.workflows.engine.people.heard import told
from advanced_workflow.workflows.engine.people.open_approval import OpenApproval
from advanced_workflow.workflows.engine.state.live_state import LiveState, static_path
from advanced_workflow.workflows.engine.state.record import Record
from advanced_workflow.workflows.errors import DigestMismatch, UnknownStep

_MOST_CHARACTERS = 4_000
_MOST_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Address:
    """A step that is, was or will be asked about."""

    record: Record
    """Its own, or a new one of a step that did not begin."""
    over: str | None = None
    """What around it has ended, so that it asks no more."""
    again: bool = False
    """An operator ran it again, or something it belongs to: it may have asked before."""


class Addresses:
    """Finds the steps of one run that ask people."""

    def __init__(self, state: LiveState, open_now: Mapping[str, OpenApproval]) -> None:
        """`open_now` are the approvals the run waits for, by path."""
        self._state = state
        self._open = open_now

    def find(self, name: str, digest: str | None) -> Address:
        """The step of an id or a path.

        Raises:
            UnknownStep: there is no such step, or the id means several; the sentence says what there is.
            DigestMismatch: the id means several, and the digest is of none of them.
        """
        plan = self._state.plan.runnable.get(name)
        if plan is None:
            return self._by_call(name) or self._by_path(name)
        self._require_approval(plan, name)
        if self._state.runs_often(plan):
            return self._by_digest(plan, digest)
        path = static_path(plan)
        return self._address(self._state.records.get(path) or Record(plan, path), None)

    def _by_digest(self, plan: StepPlan, digest: str | None) -> Address:
        asked = [one for one in self._open.values() if one.record.plan.step_id == plan.step_id]
        for one in asked:
            if digest is not None and digest == one.digest:
                return Address(one.record, again=True) if self._is_made(plan) else self._address(one.record, None)
        paths = listed([one.record.path for one in asked]) or "none asks now"
        if digest is not None:
            raise DigestMismatch(
                f"no asking of step {plan.step_id!r} has the digest {told(digest[:12])}; open: {paths}."
            )
        raise UnknownStep(
            f"step {plan.step_id!r} may ask several times in a run: name the path of one ({paths}), or give the digest."
        )

    def _by_call(self, name: str) -> Address | None:
        """The call of an agent's tool, or what an orchestrator asks. One that was not made yet nobody can mean: no definition tells it."""
        record = self._state.records.get(name)
        if record is None or not self._is_made(record.plan):
            return None
        self._require_approval(record.plan, name)
        return Address(record, again=True)

    def _by_path(self, name: str) -> Address:
        try:
            parts = StepPath(name if len(name) <= _MOST_CHARACTERS else "").parts
        except ValueError:
            raise self._unknown(name) from None
        plan = self._state.plan.steps.get(parts[-1].step_id)
        if plan is None or [one.step_id for one in parts] != [*plan.containers, plan.step_id]:
            raise self._unknown(name)
        self._require_approval(plan, name)
        prefix, over = "", None
        for part in parts[:-1]:
            container = self._state.plan.steps[part.step_id]
            self._require_owner(container, part, name)
            path = prefix + str(part._replace(number=""))
            over = over or self._require_pass(container, part, path)
            prefix = f"{path}{part.number}."
        self._require_owner(plan, parts[-1], name)
        if parts[-1].number:
            raise self._unknown(name)
        record = self._state.records.get(name) or Record(plan, StepPath(name))
        return self._address(record, over)

    def _address(self, record: Record, over: str | None) -> Address:
        return Address(record, over, again=self._was_retried(record.path))

    def _require_pass(self, container: StepPlan, part: PathPart, path: str) -> str | None:
        """Refuse a copy or round that cannot be; gives what has ended where it can no longer ask."""
        record = self._state.records.get(path)
        ended = f"step {path!r} has ended" if record is not None and record.end_time is not None else None
        if not container.repeats:
            if part.number:
                raise UnknownStep(f"step {path!r} runs once: there is no {told(path + part.number)}.")
            return ended
        if container.step.step_type is StepType.LOOP:
            number = _number(part, "#", path, "a round, as in")
            return _round_over(container, record, number, path) or ended
        number = _number(part, "[", path, "a copy, as in")
        return _copy_over(record, number, path) or ended

    def _require_owner(self, plan: StepPlan, part: PathPart, name: str) -> None:
        if (part.owner in plan.owners) if len(plan.owners) > 1 else not part.owner:
            return
        raise self._unknown(name)

    def _was_retried(self, path: StepPath) -> bool:
        prefix = ""
        for part in path.parts:
            plan = self._state.plan.steps[part.step_id]
            names = (str(part._replace(number="")), *plan.owners)
            if any(self._retries(prefix + one) for one in names):
                return True
            prefix += f"{part}."
        return False

    def _retries(self, path: str) -> int:
        record = self._state.records.get(path)
        return record.retry_count if record is not None else 0

    def _require_approval(self, plan: StepPlan, name: str) -> None:
        if plan.step.step_type is not StepType.HUMAN_APPROVAL and not self._asks(plan):
            raise self._unknown(name)

    def _asks(self, plan: StepPlan) -> bool:
        """Whether it is a tool some of whose calls wait for people."""
        return plan.tool is not None and (plan.tool.asks or self._state.plan.is_asked_for(plan))

    def _is_made(self, plan: StepPlan) -> bool:
        """Whether its paths are made while the run goes on: it is not in the definition's own graphs."""
        return plan.step_id not in self._state.plan.steps

    def _unknown(self, name: str) -> UnknownStep:
        plans = self._state.plan.runnable.values()
        known = [one.step_id for one in plans if one.step.step_type is StepType.HUMAN_APPROVAL or self._asks(one)]
        waiting = f"; waiting now: {listed(list(self._open))}" if self._open else ""
        return UnknownStep(f"no approval step {told(name)} in this run; it has: {listed(known) or 'none'}{waiting}.")


def _number(part: PathPart, sign: str, path: str, what: str) -> int:
    digits = part.number.strip("[]#")
    if not part.number.startswith(sign) or len(digits) > _MOST_DIGITS or digits != str(int(digits)):
        example = f"{path}{sign}0{']' if sign == '[' else ''}"
        raise UnknownStep(f"step {path!r} runs several times: name {what} {example!r}, not {told(path + part.number)}.")
    return int(digits)


def _round_over(loop: StepPlan, record: Record | None, number: int, path: str) -> str | None:
    most = loop.step.loop_max_iterations
    if number >= most:
        raise UnknownStep(f"there is no {path}#{number}: 'loop_max_iterations' allows rounds #0 to #{most - 1}.")
    cursor = record.cursor if record is not None else {}
    latest = cursor.get("round", -1)
    over = number < latest or (number == latest and not cursor.get("under_way"))
    return f"round {path}#{number} has ended" if over else None


def _copy_over(record: Record | None, number: int, path: str) -> str | None:
    cursor = record.cursor if record is not None else {}
    count = len(cursor["items"]) if "items" in cursor else _counted(record)
    if count is None:
        return None  # It did not begin. What is kept for a copy that there will not be is told at the run's end.
    if number >= count:
        there = f"it has {path}[0] to {path}[{count - 1}]" if count else "it has none"
        raise UnknownStep(f"there is no {path}[{number}]: {there}.")
    over = "next" in cursor and number < cursor["next"] and number not in cursor.get("running", ())
    return f"copy {path}[{number}] has ended" if over else None


def _counted(record: Record | None) -> int | None:
    """How many copies a fan-out had that has ended."""
    if record is None or record.status is StepStatus.PENDING:
        return None
    output = cast("dict[str, Json]", record.output) if isinstance(record.output, dict) else {}
    return sum(int(output.get(name, 0)) for name in ("successful_steps", "failed_steps", "skipped_steps"))
