"""A law over random graphs: where `check` says nothing, no run reads what a step does not have; and what it says may happen."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from typing import Any

from hypothesis import assume, given

from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.engine.cases import Case, cases, walk
from tests.engine.reference import Prediction, Step, predict
from tests.examples import profile

_MOST_WORLDS = 600


def places(steps: list[Step], loc: str = "steps", path: str = "") -> Iterator[tuple[str, str, Step]]:
    """Each step with its place in the definition and its path in a run."""
    for number, step in enumerate(steps):
        here = f"{loc}[{number}]"
        yield here, path + step["step_id"], step
        yield from places(step.get("parallel_steps", []), f"{here}.parallel_steps", f"{path}{step['step_id']}.")


def reading_all(definition: Step) -> Step:
    """The same definition, in which each action reads the output of every other step."""
    reading = deepcopy(definition)
    ids = [step["step_id"] for step in walk(reading["steps"])]
    for step in walk(reading["steps"]):
        if "action" in step:
            step["input_mapping"] = {one: f"steps.{one}.output" for one in ids if one != step["step_id"]}
    return reading


def told(definition: Step) -> tuple[set[str], set[str]]:
    """The places that `check` finds, and those that may not be read at all."""
    found = check(AdvancedWorkflow.model_validate(definition))
    return ({one.path for one in found if one.code == code} for code in ("absent_output", "not_upstream"))  # pyright: ignore[reportReturnType]


def absent(definition: Step, prediction: Prediction) -> set[str]:
    """The places where a run with this prediction reads an output that is not there."""
    shared = {name for name in prediction.fates if "!" in name}
    found: set[str] = set()
    everything = list(places(definition["steps"]))
    for loc, path, step in everything:
        fate: Any = prediction.fates.get(path)
        starts = fate is not None and fate.status != "skipped" and path in prediction.earlier
        if "action" not in step or not starts or path in prediction.never | prediction.loose | shared:
            continue
        for _, other, target in everything:
            ended: Any = prediction.fates.get(other)
            has = ended is not None and ended.status == "completed" and not ended.recovered
            if other != path and other not in prediction.loose and not has:
                found.add(f"{loc}.input_mapping.{target['step_id']}")
    return found


@profile(150)
@given(cases())
def test_where_check_says_nothing_no_run_reads_what_is_not_there(case: Case) -> None:
    warned, forbidden = told(reading_all(case.definition))

    assert absent(case.definition, predict(case.definition, case.outcomes)) - forbidden <= warned


@profile(40)
@given(cases())
def test_what_check_says_happens_in_some_run(case: Case) -> None:
    steps = walk(case.definition["steps"])
    answers = [_answers(step) for step in steps]
    size = 1
    for one in answers:
        size *= len(one)
    assume(size <= _MOST_WORLDS)
    warned, forbidden = told(reading_all(case.definition))
    seen: set[str] = set()
    for world in product(*answers):
        outcomes = {step["step_id"]: one for step, one in zip(steps, world, strict=True)}
        prediction = predict(case.definition, outcomes)
        seen |= absent(case.definition, prediction)
        if prediction.loose or any("!" in name for name in prediction.fates):
            return  # What is cut short, and handlers of several steps, the prediction leaves open.

    assert warned - forbidden <= seen


def _answers(step: Step) -> list[str | int]:
    if step["step_type"] == "conditional":
        has_default = any("default" in one for one in step["conditions"])
        return [*range(len(step["conditions"])), *([] if has_default else ["none"])]
    gated: list[str | int] = ["false"] if "conditions" in step else []
    return ["ok", *gated] if step["step_type"] == "parallel" else ["ok", "fails", *gated]
