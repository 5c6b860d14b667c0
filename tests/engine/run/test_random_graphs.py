"""Random definitions and outcomes: what happens must be what the reference model allows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from temporalio.client import Client

from advanced_workflow.workflows.contract import SkipReason
from advanced_workflow.workflows.definition.step import WorkflowStep
from advanced_workflow.workflows.engine.graph.edges import graph_of
from advanced_workflow.workflows.engine.graph.scheduler import Changes, Scheduler, Settled
from advanced_workflow.workflows.engine.graph.scheduler import Outcome as How
from tests.engine.allowed import check_run
from tests.engine.arena import arena
from tests.engine.cases import Case, batches, cases, children_of
from tests.engine.reference import Step, predict
from tests.engine.script import FAILING, Script
from tests.examples import profile
from tests.harness import Harness

RUNS_AT_ONCE = 10


# The scheduler alone, with the steps ending in any order


@profile(300)
@given(case=cases(), random=st.randoms(use_true_random=False))
def test_the_scheduler_settles_every_step_as_the_reference_says_whatever_ends_first(case: Case, random: Any) -> None:
    script = replace(case.script, undo_fails=frozenset(), has_operator=False)  # Of these the scheduler knows nothing.
    ends = Ends(script, case.children)

    ends.run_graph(case.definition["steps"], "", random)

    expected = {
        path: (fate.status, fate.reason) for path, fate in predict(case.definition, script, case.children).fates.items()
    }
    assert ends.ends == expected


class Ends:
    """Runs graphs with the real scheduler and no engine: a step ends as its outcome says, ready ones in random order."""

    def __init__(self, script: Script, children: Mapping[str, Step]) -> None:
        self.script = script
        self.children = children
        self.ends: dict[str, tuple[str, str | None]] = {}

    def run_graph(self, steps: list[Step], prefix: str, random: Any) -> bool:
        """Gives whether a round or copy of it fails."""
        by_id = {step["step_id"]: step for step in steps}
        scheduler = Scheduler(graph_of([WorkflowStep.model_validate(step) for step in steps]))
        waiting: list[str] = []

        def take(changes: Changes) -> None:
            waiting.extend(changes.ready)
            for step_id, reason in changes.skipped:
                self.note(prefix + step_id, Settled(How.SKIPPED, reason=reason))

        take(scheduler.start())
        while waiting:
            step_id = waiting.pop(random.randrange(len(waiting)))
            take(scheduler.settle(step_id, self.run_step(by_id[step_id], by_id, prefix, prefix, random)))
        assert scheduler.unsettled() == []
        handlers = {name for step in steps for name in step.get("error_handlers", ())}
        return any(
            self.ends[prefix + name][0] == "failed" and name not in handlers and not continues(step)
            for name, step in by_id.items()
        )

    def run_step(self, step: Step, by_id: dict[str, Step], prefix: str, own: str, random: Any) -> Settled:
        settled = self.note(own + step["step_id"], self.run_alone(step, own + step["step_id"], random))
        names = step.get("error_handlers", ()) if settled.outcome is How.FAILED else ()
        handled: dict[str, Settled] = {}
        for name in names:
            shared = sum(name in one.get("error_handlers", ()) for one in by_id.values()) > 1
            own_prefix = f"{prefix}{step['step_id']}!" if shared else prefix
            handled[name] = self.run_step(by_id[name], by_id, prefix, own_prefix, random)
            self.note(prefix + name, handled[name])
            if handled[name].outcome is not How.COMPLETED:
                return Settled(How.FAILED, handled=handled)
        recovered = Settled(How.COMPLETED, routed=frozenset(), handled=handled)
        return self.note(own + step["step_id"], recovered) if names else settled

    def run_alone(self, step: Step, path: str, random: Any) -> Settled:
        outcome = self.script.at(path)
        if outcome == "false":
            return Settled(How.SKIPPED, reason=SkipReason.CONDITION_FALSE)
        match step["step_type"]:
            case "conditional":
                targets = step["conditions"][outcome]["next_steps"] if isinstance(outcome, int) else ()
                return Settled(How.FAILED) if outcome == "fails" else Settled(How.COMPLETED, routed=frozenset(targets))
            case "loop":
                return self.run_rounds(step, path, random)
            case "sub_workflow":
                child = self.children[step["workflow"]]
                failed = "input_schema" in child or self.run_graph(child["steps"], f"{path}>", random)
                return Settled(How.FAILED if failed else How.COMPLETED)
            case "parallel" if "for_each" in step:
                copies = [
                    self.run_graph(step["parallel_steps"], f"{path}[{index}].", random)
                    for index in range(self.script.items[step["step_id"]])
                ]
                return enough(step, copies.count(False), copies.count(True))
            case "parallel":
                self.run_graph(step["parallel_steps"], f"{path}.", random)
                ends = [self.ends[f"{path}.{one['step_id']}"][0] for one in step["parallel_steps"]]
                return enough(step, ends.count("completed"), ends.count("failed"))
            case _:
                return Settled(How.FAILED if outcome in FAILING else How.COMPLETED)

    def run_rounds(self, step: Step, path: str, random: Any) -> Settled:
        rounds, number = self.script.rounds[step["step_id"]], 0
        while (step.get("loop_check") == "after" and not number) or number < rounds.count:
            until = f"{path}#{number - 1}.{rounds.until}"
            if rounds.until and number and self.ends[until][0] == "failed":
                break
            if number >= step.get("loop_max_iterations", 100):
                return Settled(How.FAILED)
            name = f"{path}#{number}"
            if "body" in step:
                failed = self.run_graph(step["body"], f"{name}.", random)
            else:
                failed = self.script.at(name) in FAILING
                self.note(name, Settled(How.FAILED if failed else How.COMPLETED))
            if failed:
                return Settled(How.FAILED)
            number += 1
        return Settled(How.COMPLETED)

    def note(self, path: str, settled: Settled) -> Settled:
        self.ends[path] = (settled.outcome.value, settled.reason.value if settled.reason else None)
        return settled


def enough(step: Step, completed: int, failed: int) -> Settled:
    needed = step.get("retry_policy", {}).get("parallel_failure_threshold", 0.5)
    return Settled(How.FAILED if failed and completed / (completed + failed) < needed else How.COMPLETED)


def continues(step: Step) -> bool:
    return bool(step.get("retry_policy", {}).get("continue_on_failure"))


# The whole engine on a real server


@profile(4, shrink=False)  # Shrinking would start some hundred runs; a failure names its case.
@given(batch=batches(RUNS_AT_ONCE))
@pytest.mark.timeout(0)  # It grows with ADW_EXAMPLES; each run has its own bound.
async def test_runs_on_a_server_do_what_the_reference_allows(client: Client, batch: list[Case]) -> None:
    async with arena(Harness(client), definitions=children_of(batch)) as actions:
        await asyncio.gather(*(check_run(actions, case, f"random-{number}") for number, case in enumerate(batch)))
