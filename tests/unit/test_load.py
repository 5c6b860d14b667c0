from pathlib import Path

import pytest

from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems
from advanced_workflow.workflows.definition.text.load import (
    definition_sha256,
    dump_definition,
    find_definitions,
    load,
    misleading_name,
    parse,
)
from advanced_workflow.workflows.definition.text.source_tree import MAX_BYTES, MAX_NESTING
from advanced_workflow.workflows.definition.versions import Definitions
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

YAML = """\
# a comment
workflow_id: greet
name: no
version: "1.0"
tags: [yes, on]
global_variables:
  flag: true
  big: 0x1F
  "a.b": 1
steps:
  - step_id: hello
    action: say
    input_mapping: {text: input.text, times: 2}
"""


def refusal(text: str, source: str = "d.yaml") -> tuple[str, int | None]:
    with pytest.raises(DefinitionProblems) as caught:
        parse(text, source=source)
    return caught.value.problems[0].code, caught.value.problems[0].line


def with_global(value: str) -> str:
    return f"workflow_id: a\nglobal_variables:\n  x: {value}\n"


def test_plain_words_mean_what_yaml_1_2_says() -> None:
    loaded = parse(
        with_global("[no, yes, on, off, 2026-01-01, 1_000, 0b1, 12:30:45, 0o17, 012, 0x1F, 1e3, true, ~, .5]")
    )

    assert loaded.workflow.global_variables["x"] == [
        *("no", "yes", "on", "off", "2026-01-01", "1_000", "0b1", "12:30:45"),
        *(15, 12, 31, 1000.0, True, None, 0.5),
    ]


@pytest.mark.parametrize("style", ['"12"', "'12'", "|-\n    12", ">-\n    12"])
def test_quoted_and_block_scalars_are_strings(style: str) -> None:
    assert parse(with_global(style)).workflow.global_variables["x"] == "12"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: 1\nb: 2\na: 3", "duplicate_key", 3),
        ("a: {b: 1, b: 2}", "duplicate_key", 1),
        ("a: &x 1", "unsupported_yaml", 1),
        ("a: 1\nb: *x", "unsupported_yaml", 2),
        ("a: !!str 1", "unsupported_yaml", 1),
        ("a: !own {b: 1}", "unsupported_yaml", 1),
        ("1: a", "unsupported_yaml", 1),
        ("true: a", "unsupported_yaml", 1),
        ("? [a]\n: b", "unsupported_yaml", 1),
        ("a: 1\n---\nb: 2", "unsupported_yaml", 2),
        ("a: .inf", "not_finite", 1),
        ("a: -.INF", "not_finite", 1),
        ("a: .nan", "not_finite", 1),
        ("a: 1e999", "not_finite", 1),
        (f"a: {'9' * 5000}", "wrong_value", 1),
        ("a: [1", "syntax", None),
        ("a: b: c", "syntax", 1),
        ("a: \x00", "syntax", None),
        ("a: \ud800", "syntax", None),
        ("[" * (MAX_NESTING + 1), "too_deep", 1),
        ("a: " + "x" * MAX_BYTES, "too_large", None),
        ("", "wrong_type", None),
        ("\n- a", "wrong_type", 2),
    ],
)
def test_yaml_that_definitions_may_not_use_is_refused(text: str, code: str, line: int | None) -> None:
    found = refusal(text)

    assert found[0] == code
    assert line is None or found[1] == line


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ('{\n"a": 1,\n"a": 2}', "duplicate_key", 3),
        ('{"a": {"b": 1, "b": 2}}', "duplicate_key", 1),
        ('{"a": NaN}', "not_finite", None),
        ('{"a": -Infinity}', "not_finite", None),
        ('{"a":\n 1e999}', "not_finite", 2),
        ('{"a": %s}' % ("9" * 5000), "wrong_value", 1),
        ('{"a": 1,}', "syntax", 1),
        ('{\n"a": tru}', "syntax", 2),
        ("{'a': 1}", "syntax", 1),
        ('{"a": 1} x', "syntax", 1),
        ('{"a": 1 /* no */}', "syntax", 1),
        ("[" * (MAX_NESTING + 1) + "]" * (MAX_NESTING + 1), "too_deep", 1),
        ("[" * 100_000, "too_deep", None),
        ('{"workflow_id": "a",\n"name": "\\ud800"}', "wrong_value", 2),
        ('{"\\udfff": 1}', "wrong_value", 1),
        ('{"workflow_id": "a", "global_variables": {"x": 9223372036854775808}}', "wrong_value", 1),
        ("", "syntax", 1),
    ],
)
def test_json_that_definitions_may_not_use_is_refused(text: str, code: str, line: int | None) -> None:
    found = refusal(text, "d.json")

    assert found[0] == code
    assert line is None or found[1] == line


def test_text_without_a_name_is_json_when_it_starts_with_a_brace() -> None:
    assert refusal("{a: 1}", "<text>")[0] == "syntax"
    assert refusal("{a: 1}", "d.yml")[0] == "missing_field"


def test_json_and_yaml_give_the_same_definition_with_lines() -> None:
    in_yaml = parse(YAML, source="d.yaml")
    in_json = parse(
        '{"workflow_id": "greet", "name": "no", "version": "1.0", "tags": ["yes", "on"],\n "global_variables": {"flag": true, "big": 31,\n'
        '"a.b": 1}, "steps": [\n{"step_id": "hello",\n"action": "say", "input_mapping": {"text": "input.text",\n"times": 2}}]}',
        source="d.json",
    )

    assert in_json.workflow == in_yaml.workflow
    assert definition_sha256(in_json.workflow) == definition_sha256(in_yaml.workflow)
    assert in_yaml.line_of("steps[0].action") == 12
    assert in_yaml.line_of('global_variables["a.b"]') == 9
    assert in_json.line_of('global_variables["a.b"]') == 3
    assert in_json.line_of("steps[0].input_mapping.times") == 6


def test_a_place_the_text_does_not_hold_has_the_line_around_it() -> None:
    loaded = parse(YAML, source="d.yaml")

    assert loaded.line_of("steps[0].retry_policy.delay") == 11
    assert loaded.line_of("nothing[3].here") == 2


def test_every_refused_field_is_reported_with_its_line_and_a_fix() -> None:
    text = "workflow_id: a b\nsteps:\n- step_id: x\n  step_type: sequentail\n  dependancies: [y]\n  timeout: 0\n- 3\n- {action: z}\n"

    with pytest.raises(DefinitionProblems) as caught:
        parse(text, source="d.yaml")

    assert {(p.path, p.code, p.line) for p in caught.value.problems} == {
        ("workflow_id", "wrong_value", 1),
        ("steps[0].step_type", "wrong_value", 4),
        ("steps[0].dependancies", "unknown_field", 5),
        ("steps[0].timeout", "wrong_value", 6),
        ("steps[1]", "wrong_type", 7),
        ("steps[2].step_id", "missing_field", 8),
    }
    fixes = {p.path: p.fix for p in caught.value.problems}
    assert fixes["steps[0].step_type"] == "Did you mean 'sequential'?"
    assert fixes["steps[0].dependancies"] == "Did you mean 'dependencies'?"
    assert "d.yaml" in str(caught.value)


def test_a_value_that_fits_no_branch_of_a_union_is_one_problem() -> None:
    with pytest.raises(DefinitionProblems) as caught:
        parse("workflow_id: a\nsteps: [{step_id: x, join: 1.5}]")

    assert [p.path for p in caught.value.problems] == ["steps[0].join"]


@pytest.mark.parametrize(
    ("fields", "place", "fix"),
    [
        ("cancel_on: {event: e, outcom: skip}", "cancel_on.outcom", "Did you mean 'outcome'?"),
        ("add_on: {name: e, event: e}", "add_on.name", "Remove it; EventTrigger has: event, match."),
        ("lock: {name: l, max_concurent: 2}", "lock.max_concurent", "Did you mean 'max_concurrent'?"),
        ("webhook: {url: u, callback: {evnt: e, event: e}}", "webhook.callback.evnt", "Did you mean 'event'?"),
        ("step_type: loop, body: [{step_id: b, actoin: y}]", "body[0].actoin", "Did you mean 'action'?"),
        ("execution: locl", "execution", "Did you mean 'local'?"),
    ],
)
def test_a_misspelt_field_of_a_part_is_named_with_the_right_one(fields: str, place: str, fix: str) -> None:
    with pytest.raises(DefinitionProblems) as caught:
        parse(f"workflow_id: a\nsteps: [{{step_id: x, {fields}}}]")

    assert [(p.path, p.fix) for p in caught.value.problems] == [(f"steps[0].{place}", fix)]


def test_a_message_never_shows_a_whole_long_value() -> None:
    with pytest.raises(DefinitionProblems) as caught:
        parse(f"workflow_id: a\nversion: '{'x' * 5000}'")

    assert len(str(caught.value)) < 400


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "d.yaml"
    path.write_bytes(b"\xef\xbb\xbfworkflow_id: a\n")

    assert load(path).workflow.workflow_id == "a"
    assert parse('\ufeff{"workflow_id": "a"}').workflow.workflow_id == "a"


def test_the_editor_key_for_the_schema_is_ignored() -> None:
    assert parse('{"$schema": "definition.schema.json", "workflow_id": "a"}').workflow == AdvancedWorkflow(
        workflow_id="a"
    )


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"workflow_id: \xff", "syntax"), (b"x" * (MAX_BYTES + 1), "too_large"), (None, "unreadable")],
)
def test_a_file_that_cannot_be_read_is_one_problem(tmp_path: Path, content: bytes | None, code: str) -> None:
    path = tmp_path / "d.yaml"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(DefinitionProblems) as caught:
        load(path)

    assert [p.code for p in caught.value.problems] == [code]
    assert str(path) in str(caught.value)


def test_the_hash_ignores_written_out_defaults_and_order_but_no_change() -> None:
    plain = AdvancedWorkflow(workflow_id="a", description="x")

    assert definition_sha256(parse("{workflow_id: a, description: x}", source="d.yaml").workflow) == definition_sha256(
        plain
    )
    assert definition_sha256(parse("description: x\ntimeout: 3600\nworkflow_id: a").workflow) == definition_sha256(
        plain
    )
    assert definition_sha256(parse("description: y\nworkflow_id: a").workflow) != definition_sha256(plain)
    assert dump_definition(plain) == {"workflow_id": "a", "description": "x"}


def test_folders_are_searched_for_definitions_only(tmp_path: Path) -> None:
    example = tmp_path / "library" / "greet"
    (example / "cases").mkdir(parents=True)
    (example / "definition.yaml").write_text("workflow_id: greet\n")
    (example / "input.json").write_text('{"workflow_id": "no", "steps": []}')
    (example / "cases" / "first.yaml").write_text("workflow_id: no\nsteps: []\n")
    (tmp_path / "other.json").write_text('{"workflow_id": "other", "steps": []}')
    (tmp_path / "settings.yaml").write_text("port: 80\n")
    (tmp_path / "broken.yaml").write_text("port: [\n")
    (tmp_path / ".hidden.yaml").write_text("workflow_id: no\nsteps: []\n")

    found = find_definitions([tmp_path, tmp_path / "library"])

    sources = {one.workflow.workflow_id: one.source for one in found}
    assert sources == {"greet": str(example / "definition.yaml"), "other": str(tmp_path / "other.json")}


@pytest.mark.parametrize("name", ["", "name: Another"])
def test_two_files_with_one_workflow_id_and_version_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "one.yaml").write_text('workflow_id: same\nversion: "1.0"\nsteps: []\n')
    (tmp_path / "two.yaml").write_text(f"workflow_id: same\n{name}\nsteps: []\n")  # 1.0 is the default.

    with pytest.raises(DefinitionProblems, match=r"two\.yaml.*version '1\.0' of 'same'.*one\.yaml") as caught:
        find_definitions([tmp_path])
    assert caught.value.problems[0].code == "duplicate_workflow"


def test_a_version_that_is_a_number_is_told_to_be_quoted() -> None:
    with pytest.raises(DefinitionProblems) as caught:
        parse("workflow_id: pay\nversion: 1.10\n")

    assert [(one.path, one.fix) for one in caught.value.problems] == [
        ("version", 'Put it in quotes, as it was written: "1.1".')
    ]


def test_versions_of_one_definition_are_found_side_by_side(tmp_path: Path) -> None:
    for name, version in (("pay@1.9.yaml", "1.9"), ("pay@1.10.yaml", "1.10"), ("old/pay.yaml", "1.0")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'workflow_id: pay\nversion: "{version}"\nsteps: []\n')

    found = Definitions(one.workflow for one in find_definitions([tmp_path]))

    assert found.versions("pay") == ["1.10", "1.9", "1.0"]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("pay@1.0.yaml", None),
        ("definition.yaml", None),
        ("pay.yaml", None),
        ("pay@2.0.yaml", "Name it 'pay@1.0.yaml'"),
        ("refund@1.0.json", "Name it 'pay@1.0.json'"),
    ],
)
def test_the_name_of_a_file_may_not_tell_of_another_definition(name: str, said: str | None) -> None:
    problem = misleading_name(parse("workflow_id: pay").workflow, f"flows/{name}")

    assert (problem and (problem.severity, problem.code)) == (said and ("warning", "misleading_name"))
    assert said is None or said in str(problem)


def test_a_missing_folder_and_a_broken_definition_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DefinitionProblems, match="there is no such folder"):
        find_definitions([tmp_path / "nowhere"])

    (tmp_path / "d.yaml").write_text("workflow_id: a\nsteps: [\n")
    with pytest.raises(DefinitionProblems, match=r"d\.yaml"):
        find_definitions([tmp_path])
