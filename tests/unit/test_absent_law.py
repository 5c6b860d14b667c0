"""A law over random graphs: where `check` says nothing, no run reads what a step does not have; and what it says may happen."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from typing import Any

from hypothesis import assume, given

from advanced_workflow.workflows.definition.check.absent import absence_problems
from advanced_workflow.workflows.definition.check.sites import sites
from advanced_workflow.workflows.definition.graph.layout import lay_out
from advanced_workflow.workflows.definition.problems.places import path_text
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.engine.cases import Case, cases, walk
from tests.engine.reference import Fate, Prediction, Step, predict
from tests.engine.script import Script
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
    """The places that `check` finds, and those that may be read at all."""
    layout = lay_out(AdvancedWorkflow.model_validate(definition))
    found = list(sites(layout))
    numbers = {f"steps.{name}.output": one.number for name, one in layout.outline.by_id.items()}
    readable = {path_text(one.loc) for one in found if one.visible >> numbers.get(str(one.source), 0) & 1}
    return {one.path for one in absence_problems(layout, found)}, readable


def inside_handlers(path: str, prediction: Prediction) -> list[Fate]:
    """How a step inside of an error handler of several steps ended, once for each of these; expressions see the latest."""
    return [fate for name, fate in prediction.fates.items() if re.sub(r"[^.]*!", "", name) == path]


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
            ended = [prediction.fates[other]] if other in prediction.fates else inside_handlers(other, prediction)
            has = len(ended) > 1 or any(one.status == "completed" and not one.recovered for one in ended)
            if other != path and other not in prediction.loose and not has:
                found.add(f"{loc}.input_mapping.{target['step_id']}")
    return found


@profile(150)
@given(cases(plain=True))
def test_where_check_says_nothing_no_run_reads_what_is_not_there(case: Case) -> None:
    warned, readable = told(reading_all(case.definition))

    assert absent(case.definition, predict(case.definition, case.script)) & readable <= warned


@profile(40)
@given(cases(plain=True))
def test_what_check_says_happens_in_some_run(case: Case) -> None:
    steps = walk(case.definition["steps"])
    answers = [_answers(step) for step in steps]
    size = 1
    for one in answers:
        size *= len(one)
    assume(size <= _MOST_WORLDS)
    warned, _ = told(reading_all(case.definition))
    seen: set[str] = set()
    for world in product(*answers):
        outcomes = {step["step_id"]: (one,) for step, one in zip(steps, world, strict=True)}
        prediction = predict(case.definition, Script(outcomes))
        seen |= absent(case.definition, prediction)
        if prediction.loose or any("!" in name for name in prediction.fates):
            return  # What is cut short, and handlers of several steps, the prediction leaves open.

    assert warned <= seen


def _answers(step: Step) -> list[str | int]:
    if step["step_type"] == "conditional":
        has_default = any("default" in one for one in step["conditions"])
        return [*range(len(step["conditions"])), "fails", *([] if has_default else ["none"])]
    return ["ok", "fails", *(["false"] if "conditions" in step else [])]
