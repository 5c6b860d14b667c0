"""A naive model of joins, written from the rules alone: after each step that ends, everything is decided anew.

Like the reference model it shares no code with the engine, and takes steps as plain data.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.engine.reference import Step, dependencies_of, targets_of

NOT_NEEDED = "not_needed"


class Naive:
    """The steps of one graph, how they ended so far, and what follows."""

    def __init__(self, steps: list[Step]) -> None:
        self.steps = {step["step_id"]: step for step in steps}
        self.before = {step_id: dependencies_of(step, steps) for step_id, step in self.steps.items()}
        self.after = {one: {two for two in self.steps if one in self.before[two]} for one in self.steps}
        self.targets = {step_id: targets_of(step) for step_id, step in self.steps.items()}
        self.owners = {
            step_id: [one for one, step in self.steps.items() if step_id in step.get("error_handlers", ())]
            for step_id in self.steps
        }
        self.ends: dict[str, tuple[str, str | None]] = {}
        """Status, and the reason of a skipped step."""
        self.routed: dict[str, frozenset[str] | None] = {}
        """Targets that a conditional step chose; None: all of them."""
        self._handled: dict[str, str] = {}
        self._started: set[str] = set()
        self._new: set[str] = set()
        self._skipped: dict[str, str] = {}

    def end(
        self,
        step_id: str,
        status: str,
        reason: str | None = None,
        routed: frozenset[str] | None = None,
        handled: Mapping[str, str] | None = None,
    ) -> None:
        """A step ended, with its error handlers."""
        if step_id in self.ends:
            return
        self.ends[step_id] = status, reason
        self.routed[step_id] = routed
        self._handled |= handled or {}
        self.decide()

    def decide(self) -> None:
        """Start and skip steps until nothing more follows."""
        changed = True
        while changed:
            changed = False
            for step_id in self.steps:
                if step_id not in self._started and step_id not in self.ends:
                    changed |= self._decide_one(step_id)

    def _decide_one(self, step_id: str) -> bool:
        if self.owners[step_id]:
            return self._decide_handler(step_id)
        met = self.is_met(step_id)
        if met:
            self._started.add(step_id)
            self._new.add(step_id)
        elif met is False:
            self._skip(step_id, self.reason(step_id))
        return met is not None

    def _decide_handler(self, step_id: str) -> bool:
        if not all(owner in self.ends for owner in self.owners[step_id]):
            return False
        if step_id in self._handled:
            self.ends[step_id] = self._handled[step_id], None
        else:
            self._skip(step_id, "not_routed")
        return True

    def is_met(self, step_id: str) -> bool | None:
        """Whether a step starts; None where that is not known yet."""
        before, join = self.before[step_id], self.steps[step_id].get("join", "all")
        satisfied = sum(self._satisfies(one, step_id) for one in before)
        all_settled = all(one in self.ends for one in before)
        if join != "all":
            return True if satisfied >= (1 if join == "any" else join) else False if all_settled else None
        if not all_settled:
            return None
        failed = any(self.ends[one][0] == "failed" for one in before)
        return not before or (not failed and satisfied > 0)

    def _satisfies(self, one: str, step_id: str) -> bool:
        if self.ends.get(one, ("", None))[0] != "completed":
            return False
        return step_id not in self.targets[one] or self._routes(one, step_id)

    def _routes(self, router: str, step_id: str) -> bool:
        routed = self.routed[router]
        return routed is None or step_id in routed

    def reason(self, step_id: str) -> str:
        """Why a step is skipped whose dependencies are settled."""
        ends = [self.ends[one] for one in self.before[step_id]]
        blamed = any(status == "failed" or reason == "dependency_failed" for status, reason in ends)
        return "dependency_failed" if blamed else "not_routed"

    def _skip(self, step_id: str, reason: str) -> None:
        self.ends[step_id] = "skipped", reason
        self._skipped[step_id] = reason

    def rest(self, settled: frozenset[str]) -> set[str]:
        """What the joins that have just started give up, with these steps settled when they did."""
        rest: set[str] = set()
        for join in self._new:
            if self.steps[join].get("cancel_rest"):
                rest |= self._rest_of(join, settled)
        return rest - set(self.ends)

    def _rest_of(self, join: str, settled: frozenset[str]) -> set[str]:
        rest: set[str] = {one for one in self.before[join] if one not in settled and not self.owners[one]}
        while True:
            more = {
                one
                for one in self.steps
                if one not in settled | rest
                and not self.owners[one]
                and self.after[one] & rest
                and self.after[one] <= rest | settled
            }
            if not more:
                return rest
            rest |= more

    def take_started(self) -> set[str]:
        """Those that have started since this was asked last."""
        started, self._new = self._new, set()
        return started

    def take_skipped(self) -> dict[str, str]:
        """Those that were skipped since this was asked last, and why."""
        skipped, self._skipped = self._skipped, {}
        return skipped

    def unsettled(self) -> list[str]:
        """Ids of the steps not settled."""
        return [step_id for step_id in self.steps if step_id not in self.ends]
