"""Durations as text: one reading for every field that holds a time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advanced_workflow.workflows.definition.editor_schema import json_schema
from advanced_workflow.workflows.definition.model.marked import marks_of, models_within
from advanced_workflow.workflows.definition.model.markers import Duration, Expr
from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems
from advanced_workflow.workflows.definition.schema import value_problems
from advanced_workflow.workflows.definition.text.load import definition_sha256, dump_definition, parse
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.plain.durations import duration_seconds, is_like_duration
from tests.unit.checking import codes_of

RIGHT = {
    "90s": 90,
    "2h": 7_200,
    "5d": 432_000,
    "1h30m": 5_400,
    "250ms": 0.25,
    "1w": 604_800,
    "1.5h": 5_400,
    "1d2h3m4s5ms": 93_784.005,
    "PT90S": 90,
    "PT1.5S": 1.5,
    "PT1,5S": 1.5,
    "P5D": 432_000,
    "P1W": 604_800,
    "P1DT2H": 93_600,
    "PT5M": 300,
}
WRONG = (
    *("", "90 s", "1:30", "1h 30m", "1m1h", "1h1h", "5M", "5min", "-5s", "+5s", "5", "5e3s", "1h30", "٣s", "5µs"),
    *("P", "PT", "P1DT", "PT5", "p5d", "P1H", "PT1D", "1" * 13 + "s", "0." + "1" * 10 + "s", "1s" * 40),
)
WITHOUT_LENGTH = ("P1Y", "P1M", "P1Y2D", "P2W1M", "P1MT5S")


@pytest.mark.parametrize(("text", "seconds"), RIGHT.items())
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert duration_seconds(text) == seconds
    assert is_like_duration(text)


@pytest.mark.parametrize("text", WRONG)
def test_what_is_no_duration_is_refused_with_what_is_right(text: str) -> None:
    with pytest.raises(ValueError, match="write '"):
        duration_seconds(text)


@pytest.mark.parametrize("text", WITHOUT_LENGTH)
def test_years_and_months_have_no_fixed_length(text: str) -> None:
    with pytest.raises(ValueError, match="no fixed length; write days"):
        duration_seconds(text)


@pytest.mark.parametrize(
    "text", ["input.seconds", "5", "60 * 5", "5.5", "0x10", "1e3", "5 in [5]", "duration('5s')", "P"]
)
def test_an_expression_is_not_taken_for_a_duration(text: str) -> None:
    assert not is_like_duration(text)


@given(st.integers(0, 10**6), st.sampled_from(["w", "d", "h", "m", "s", "ms"]))
def test_any_number_of_a_unit_is_that_many_times_the_unit(count: int, unit: str) -> None:
    assert duration_seconds(f"{count}{unit}") == pytest.approx(count * duration_seconds(f"1{unit}"))


@given(st.text("0123456789.,PTWDHMSwdhms :-", max_size=20))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        seconds = duration_seconds(text)
    except ValueError:
        return
    assert seconds >= 0
    assert is_like_duration(text)


def definition(timeout: object, **more: Any) -> str:
    step = {"step_id": "a", "action": "x", "timeout": timeout, "retry_policy": {"delay": timeout}}
    return json.dumps({"workflow_id": "w", "timeout": timeout, "steps": [step], **more})


def test_a_definition_is_the_same_whether_its_times_are_text_or_numbers() -> None:
    as_text = parse(definition("1m30s", sla_targets={"max_step_time": "PT90S", "min_success_rate": 0.5})).workflow
    as_number = parse(definition(90, sla_targets={"max_step_time": 90, "min_success_rate": 0.5})).workflow
    assert as_text == as_number
    assert definition_sha256(as_text) == definition_sha256(as_number)
    assert parse(json.dumps(dump_definition(as_text))).workflow == as_text
    assert as_text.steps[0].timeout == as_text.steps[0].retry_policy.delay == as_text.timeout == 90


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("1:30", "\"1:30\": it is no duration. Write '90s'"),
        ("90 s", "\"90 s\": it is no duration. Write '90s'"),
        ("P1Y", '"P1Y": years and months have no fixed length. Write days'),
        ("300", "\"300\": a text needs a unit. Write '300s'"),
    ],
)
def test_a_wrong_duration_is_told_with_its_place_and_what_is_right(written: str, sentence: str) -> None:
    with pytest.raises(DefinitionProblems) as told:
        parse(definition(1).replace('"delay": 1', f'"delay": "{written}"'))
    (problem,) = told.value.problems
    assert (problem.path, problem.code) == ("steps[0].retry_policy.delay", "wrong_value")
    assert f"{problem.message} {problem.fix}".startswith(sentence)


def test_a_target_that_is_no_duration_is_told() -> None:
    assert codes_of(json.loads(definition(1, sla_targets={"max_step_time": "1h 30m"}))) == ["wrong_value"]


def test_a_wait_takes_a_duration_or_an_expression() -> None:
    def waiting(seconds: str) -> dict[str, Any]:
        return {"workflow_id": "w", "steps": [{"step_id": "a", "step_type": "wait", "wait": {"seconds": seconds}}]}

    for written, value in {"2h": 7_200, "input.delay": "input.delay"}.items():
        step = parse(json.dumps(waiting(written))).workflow.steps[0]
        assert step.wait is not None
        assert step.wait.seconds == value
    for wrong in ("'abc'", "-5", "5 +", "[1]", "true"):
        assert codes_of(waiting(wrong)) == ["bad_expression"], wrong
    for right in ("'90s'", "duration('90s')", "0", "input.a * 60"):
        assert not codes_of(waiting(right)), right


def test_editors_are_told_of_every_form_of_a_time() -> None:
    schema = json_schema()
    for text in RIGHT:
        assert not value_problems(schema, json.loads(definition(text))), text
    for wrong in ("90 s", "1:30", "P1Y"):
        assert value_problems(schema, json.loads(definition(wrong))), wrong
    told = {(one, name) for one in models_within(AdvancedWorkflow) for name in marks_of(one, Duration)}
    for model, name in told:
        own = model.model_json_schema()
        fields = own.get("properties") or own["$defs"][model.__name__]["properties"]
        assert '"string"' in json.dumps(fields[name]), (model, name)
    assert any(marks_of(model, Expr).get(name) for model, name in told)
