from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from advanced_workflow.workflows.contract import ErrorInfo
from advanced_workflow.workflows.engine import around
from advanced_workflow.workflows.engine.around.steps import AROUND, Wrapper, surrounded
from advanced_workflow.workflows.engine.step.context import Done, RunStep, StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure

STEP = cast("StepContext", object())
"""Wrappers hand it on as it is."""


def telling(name: str, told: list[str]) -> Wrapper:
    async def wrapper(step: StepContext, inner: RunStep) -> Done:
        told.append(f"{name} begins")
        try:
            return await inner(step)
        finally:
            told.append(f"{name} ends")

    return wrapper


def test_the_first_of_the_list_is_outermost() -> None:
    told: list[str] = []

    async def runner(step: StepContext) -> Done:
        assert step is STEP
        told.append("step")
        return Done("made")

    run = surrounded(runner, (telling("outer", told), telling("inner", told)))

    assert asyncio.run(cast("Any", run(STEP))) == Done("made")
    assert told == ["outer begins", "inner begins", "step", "inner ends", "outer ends"]


def test_a_wrapper_may_turn_a_failure_into_success_and_those_outside_see_only_that() -> None:
    told: list[str] = []

    async def fails(step: StepContext) -> Done:
        raise StepFailure(ErrorInfo(type="Broken", message="no"))

    async def recovers(step: StepContext, inner: RunStep) -> Done:
        with pytest.raises(StepFailure):
            await inner(step)
        return Done("recovered")

    run = surrounded(fails, (telling("outer", told), recovers, telling("inner", told)))

    assert asyncio.run(cast("Any", run(STEP))) == Done("recovered")
    assert told == ["outer begins", "inner begins", "inner ends", "outer ends"]


def test_each_wrapper_is_listed_once_and_has_a_file_of_its_own() -> None:
    folder = Path(around.__file__).parent
    files = [Path(sys.modules[one.__module__].__file__ or "") for one in AROUND]

    assert len(set(AROUND)) == len(AROUND)
    assert sorted(files) == sorted(set(folder.glob("*.py")) - {folder / "__init__.py", folder / "steps.py"})
