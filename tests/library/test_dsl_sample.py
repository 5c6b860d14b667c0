from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities.library.dsl_sample import (
    activity1,
    activity2,
    activity3,
    activity4,
    activity5,
    undo_activity,
)
from advanced_workflow.activities.library.ledger import PATH_SETTING
from tests.library.outcomes import effects, ledger_summary
from tests.unit.acting import call, fails, undo_input

ONE: dict[str, Any] = {"arg": "a"}
TWO: dict[str, Any] = {"arg1": "a", "arg2": "b"}
each_activity = pytest.mark.parametrize(
    ("function", "given", "said"),
    [
        pytest.param(activity1, ONE, "activity1(a)", id="activity1"),
        pytest.param(activity2, ONE, "activity2(a)", id="activity2"),
        pytest.param(activity3, TWO, "activity3(a, b)", id="activity3"),
        pytest.param(activity4, ONE, "activity4(a)", id="activity4"),
        pytest.param(activity5, TWO, "activity5(a, b)", id="activity5"),
    ],
)


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(PATH_SETTING, str(tmp_path / "ledger.db"))


@each_activity
async def test_a_call_says_what_it_was_given_and_counts_once(
    function: Callable[..., Any], given: dict[str, Any], said: str
):
    for attempt in (1, 2):
        assert await call(function, given, attempt=attempt) == said
    assert [one["data"] for one in effects()] == [{"activity": said.partition("(")[0], "said": said}]


@each_activity
async def test_a_call_is_taken_back_once(function: Callable[..., Any], given: dict[str, Any], said: str):
    await call(function, given)

    for _ in range(2):
        assert await call(undo_activity, undo_input(given, said), "step.rollback[0]") is True
    assert ledger_summary() == {"call": {"done": 0, "undone": 1}}


async def test_a_broken_argument_fails_for_good_and_a_flaky_one_once():
    broken = await fails(activity5, {"arg1": "broken", "arg2": "b"})
    flaky = await fails(activity5, {"arg1": "a", "arg2": "flaky"})

    assert (broken.type, broken.non_retryable) == ("ArgumentBroken", True)
    assert (flaky.type, flaky.non_retryable) == ("ArgumentFlaky", False)
    assert ledger_summary() == {}
    assert await call(activity5, {"arg1": "a", "arg2": "flaky"}, attempt=2) == "activity5(a, flaky)"


async def test_a_missing_argument_is_no_empty_text():
    assert (await fails(activity3, {"arg1": "a"})).type == "InputInvalid"
