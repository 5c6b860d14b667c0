from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from advanced_workflow.workflows.contract import SkipReason
from advanced_workflow.workflows.engine.step.context import StepContext
from advanced_workflow.workflows.engine.step.failures import StepFailure, StepSkipped
from advanced_workflow.workflows.errors import InputInvalid

STEP = cast("StepContext", SimpleNamespace(path="a[3].b"))


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (InputInvalid("no"), "InputInvalid", "no"),
        (OverflowError("date value out of range"), "DataInvalid", "OverflowError: date value out of range"),
        (RecursionError("maximum recursion depth exceeded"), "DataInvalid", "RecursionError"),
        (KeyError("x"), "DataInvalid", "KeyError: 'x'"),
    ],
)
def test_whatever_reading_data_raises_is_a_failure_of_its_step_that_names_the_field(
    raised: Exception, kind: str, text: str
) -> None:
    with pytest.raises(StepFailure) as caught, StepContext.reading(STEP, "wait.until"):
        raise raised

    assert caught.value.error.type == kind
    assert caught.value.error.message.startswith("step 'a[3].b', wait.until: ")
    assert text in caught.value.error.message


def test_what_a_step_says_itself_goes_through_as_it_is() -> None:
    own: list[Any] = [StepSkipped(SkipReason.BY_OPERATOR)]
    for one in own:
        with pytest.raises(type(one)) as caught, StepContext.reading(STEP, "x"):
            raise one
        assert caught.value is one
