"""What does not fit its field is told with the form that does, and a text that is no YAML with what to do."""

import pytest

from advanced_workflow.workflows.definition.problems.excerpt import excerpt
from advanced_workflow.workflows.definition.problems.problem import Problem
from tests.unit.checking import checked

STEP = "- {step_id: a, action: charge, %s}"


@pytest.mark.parametrize(
    ("fields", "path", "message", "fix"),
    [
        ("dependencies: b", "dependencies", "should be a list", "Write a list: [b]."),
        ("dependencies: 'b, c'", "dependencies", "should be a list", "Write a list: [b, c]."),
        ("conditions: input.x > 3", "conditions", "should be a list", 'Write a list: ["input.x > 3"].'),
        ("rollback_actions: {action: undo}", "rollback_actions", "should be a list", "Begin each entry with '- '."),
        ("input_mapping: input.x", "input_mapping", "should be an object", "Write an object: NAME: VALUE."),
        ("error: OutOfStock", "error", "an object", "Write an object: its fields are type, message, details."),
        ("agent_capability: 5", "agent_capability", "should be a string", 'Put it in quotes: "5".'),
        ("name: null", "name", "should be a string", "Remove the line, or write a value."),
        ("timeout: null", "timeout", "should be a number or a string", "Write seconds, a duration such as '90s'"),
        ("rollback_timeout: 0", "rollback_timeout", "greater than 0", "Write seconds, or a duration such as '90s'"),
        ("max_concurrency: 0", "max_concurrency", "greater than or equal to 1.", "Write a whole number from 1, or an"),
        ("metrics_enabled: yes", "metrics_enabled", "should be true or false", "Write true, without quotes."),
        ("metrics_enabled: 'Off'", "metrics_enabled", "should be true or false", "Write false, without quotes."),
        ("metrics_enabled: maybe", "metrics_enabled", "should be true or false", "Write true or false, without"),
        ("retry_policy: {max_attempts: three}", "retry_policy.max_attempts", "an integer", "Write a whole number in"),
        ("retry_policy: {max_attempts: 2.5}", "retry_policy.max_attempts", "", "Write a whole number in digits"),
        ("message: sold out", "message", "no field", "Write it inside: 'error.message'."),
        ("error_handlers: [{step: b}]", "error_handlers[0].step", "no field", "Did you mean 'handler'?"),
        ("rollback_actions: [{action: u, queue: q}]", "rollback_actions[0].queue", "no field", "Remove it; "),
    ],
)
def test_a_value_that_does_not_fit_is_told_with_the_form_that_does(
    fields: str, path: str, message: str, fix: str
) -> None:
    found = [one for one in checked(STEP % fields) if one.path.startswith(f"steps[0].{path.partition('[')[0]}")]

    assert f"steps[0].{path}" in [one.path for one in found]
    (told,) = (one for one in found if one.path == f"steps[0].{path}")
    assert message in told.message
    assert told.fix.startswith(fix)


def test_a_branch_that_took_an_object_is_the_one_that_is_told() -> None:
    found = checked(STEP % "rollback_actions: [{action: u, queue: q}]")

    assert [one.path for one in found if "rollback_actions" in one.path] == ["steps[0].rollback_actions[0].queue"]


def test_a_name_is_told_in_words_with_one_that_is_good() -> None:
    (told,) = checked("- {step_id: 2nd step, action: charge}")

    assert "should be a letter or '_', then letters, digits" in told.message
    assert told.fix == "Write '_2nd_step'."


def test_a_step_with_a_hyphen_that_is_not_there_is_one_problem() -> None:
    steps = "- {step_id: pay-all, action: charge}\n- {step_id: b, step_type: assign, dependencies: [pay-all], input_mapping: {x: steps.pay-step.output}}"
    (told,) = checked(steps)

    assert "no step 'pay', and none 'pay-step'" in told.message
    assert told.fix == "The steps are: b, pay-all. A name with a hyphen stands in brackets: steps['my-step']."


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("- step_id: a\n\taction: b", "Indent with spaces; YAML takes no tabs there."),
        ("- step_id: a\n action: b", "Indent it as the lines"),
        ("- step_id: a\n   action: b", "Text with a colon and a blank"),
        ("- step_id: a\n  x: {a: input.x: 5}", "Put text that holds one of"),
        ("- step_id: a\n  x: {a: ${TOKEN}}", "Put text that holds one of"),
        ("- step_id: a\n  x: 'a' + input.b", "Put all of the value in quotes"),
        ("- step_id: a\n  x: 'a", "Close the quotes that begin in line 5."),
        ('- step_id: a\n  x: "\\d"', "In double quotes a backslash"),
        ("- step_id: a\n  x: @y", "Put the text in quotes."),
        ("- step_id: a\n  x: b: c", "Text with a colon and a blank"),
    ],
)
def test_a_text_that_is_no_yaml_is_told_with_what_to_do(text: str, fix: str) -> None:
    (told,) = checked(text)

    assert told.code == "syntax"
    assert told.fix.startswith(fix)


@pytest.mark.parametrize(("before", "cells"), [("ab", 2), ("e\u0301e\u0301", 2), ("\u65e5\u672c", 4), ("\u200bx", 1)])
def test_a_caret_stands_under_its_place_whatever_letters_are_before_it(before: str, cells: int) -> None:
    told = Problem("bad_expression", "p", "m", "f").at_line(3, len(before) + 1, f"{before}!")

    line, caret = excerpt(told)
    assert line.endswith("!")
    assert caret == f"      | {' ' * cells}^"
