"""Every example of the library runs its cases; workflows/library/README.md says what a case file holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ConfigDict, JsonValue

from advanced_workflow.activities import library
from advanced_workflow.activities.agents.calls import ModelCalls
from advanced_workflow.activities.agents.scripts import read_scripts
from advanced_workflow.activities.library import ledger
from advanced_workflow.activities.library.charging.stations import slots
from advanced_workflow.activities.library.incidents.services import running
from advanced_workflow.activities.library.orders import database as orders
from advanced_workflow.activities.worker.registry import ActionRegistry
from advanced_workflow.client.deciding import open_asking
from advanced_workflow.client.runs import Run
from advanced_workflow.client.storage import payload_limit
from advanced_workflow.workflows.contract import DecideRequest, EventMessage, ExecutionOptions, UndoEntry
from advanced_workflow.workflows.definition.check.check import check_text
from advanced_workflow.workflows.definition.text.load import LIBRARY, find_definitions, read_text
from tests.harness import Actions, Definition, Harness, Outcome, activities_of, eventually, outcome_of
from tests.library.outcomes import balances, ledger_summary, order_summary

REGISTRY = ActionRegistry.discover(library.MODULES)
ACTIONS: Actions = {name: action.function for name, action in REGISTRY.actions.items()}
CATALOG = REGISTRY.catalog()
EXAMPLES = sorted(file.parent for file in LIBRARY.glob("*/definition.yaml"))
STATES: dict[str, Callable[[Path], dict[str, int] | dict[str, str]]] = {
    "balances": balances,
    "slots": slots,
    "running": running,
}
"""Key of `expect` -> what reads that state from the ledger."""


class Expect(BaseModel):
    """What must come of a run; what is left out may be anything."""

    model_config = ConfigDict(extra="forbid")

    status: str
    error_type: str | None
    error_contains: str = ""
    result: dict[str, JsonValue] | None = None
    steps: dict[str, str] = {}
    step_errors: dict[str, str] = {}
    rejected_decisions: list[str] = []
    rollback: dict[str, str | list[str]] | None = None
    effects: dict[str, dict[str, int]] | None = None
    balances: dict[str, int] = {}
    slots: dict[str, str] = {}
    running: dict[str, str] = {}
    rows: dict[str, dict[str, int]] = {}
    stock: dict[str, int] = {}


class Case(BaseModel):
    """One run of an example."""

    model_config = ConfigDict(extra="forbid")

    name: str
    input: JsonValue
    options: dict[str, JsonValue] = {}
    decisions: list[DecideRequest] = []
    answers: list[DecideRequest] = []
    events: list[EventMessage] = []
    skip_time: bool = False
    expect: Expect


@cache
def activities(limit: int) -> list[Callable[..., Any]]:
    """Of all examples, made once, and the models that their agents ask."""
    return [*activities_of(ACTIONS, limit), ModelCalls(scripts=read_scripts([library.SCRIPTS])).call]


def cases(*, skip_time: bool) -> list[Any]:
    files = sorted(LIBRARY.glob("*/cases/*.json"))
    return [
        pytest.param(file, id=f"{file.parents[1].name}-{file.stem}")
        for file in files
        if read(file).skip_time is skip_time
    ]


def read(file: Path) -> Case:
    return Case.model_validate_json(file.read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of the test's own, with a fresh ledger and a fresh order database."""
    monkeypatch.setenv(ledger.PATH_SETTING, str(tmp_path / "ledger.db"))
    monkeypatch.setenv(orders.PATH_SETTING, str(tmp_path / "orders.db"))
    return tmp_path


@pytest.fixture(scope="module")
def definitions() -> list[Definition]:
    """All of them: an example may run another as a child."""
    found = find_definitions([LIBRARY])
    return [one.workflow.model_dump(mode="json", exclude_defaults=True) for one in found]


@pytest.mark.parametrize("file", cases(skip_time=False))
async def test_a_case_of_the_library_comes_out_as_it_says(
    harness: Harness, definitions: list[Definition], file: Path, place: Path
) -> None:
    await run_case(harness, definitions, file, place)


@pytest.mark.parametrize("file", cases(skip_time=True))
async def test_a_case_in_which_time_passes_comes_out_as_it_says(
    skipping: Harness, definitions: list[Definition], file: Path, place: Path
) -> None:
    await run_case(skipping, definitions, file, place)


@pytest.mark.parametrize("folder", EXAMPLES, ids=[folder.name for folder in EXAMPLES])
def test_an_example_passes_check_and_its_input_fits(folder: Path) -> None:
    known = {one.workflow.workflow_id: one.workflow for one in find_definitions([LIBRARY])}
    source = folder / "definition.yaml"
    example = json.loads((folder / "input.json").read_text(encoding="utf-8"))

    assert check_text(read_text(source), str(source), CATALOG, known) == []
    jsonschema.validate(example, known[folder.name].input_schema)


def test_the_definitions_of_the_readme_pass_check() -> None:
    known = {one.workflow.workflow_id: one.workflow for one in find_definitions([LIBRARY])}
    texts = re.findall(r"```yaml\n(.*?)```", (LIBRARY / "README.md").read_text(encoding="utf-8"), re.DOTALL)

    assert len(texts) >= 4
    assert [problem for text in texts for problem in check_text(text, "README.md", CATALOG, known)] == []


@pytest.mark.parametrize("folder", EXAMPLES, ids=[folder.name for folder in EXAMPLES])
def test_an_example_shows_success_and_failure(folder: Path) -> None:
    found = [read(file) for file in folder.glob("cases/*.json")]

    assert {"completed", "failed"} <= {case.expect.status for case in found}
    assert len({case.name for case in found}) == len(found)


async def run_case(harness: Harness, definitions: list[Definition], file: Path, place: Path) -> None:
    case = read(file)
    served = activities(payload_limit(harness.client))
    async with harness.worker(activities=served, definitions=definitions, catalog=CATALOG):
        options = ExecutionOptions.model_validate({"started_by": "tester", **case.options})
        run = await harness.start(file.parents[1].name, case.input, options=options)
        await send(run, case)
        for answer in case.answers:
            await decide(run, answer)
        outcome = await outcome_of(run, state=True)

    assert outcome.failure == case.expect.error_type, outcome.message
    assert case.expect.error_contains in outcome.message
    if outcome.result is not None:  # input that is refused leaves no report
        assert_report(outcome, case.expect)
    assert_effects(case.expect, place)


async def send(run: Run, case: Case) -> None:
    """Send decisions and events in their order; a signal may come before its step is reached."""
    for message in case.events:
        await run.send_event(message.event, message.data, event_id=message.event_id)
    for request in case.decisions:
        fields = request.model_dump(exclude_unset=True, exclude={"decision", "step_id"})
        signal = run.signal_approval if request.decision == "approve" else run.signal_rejection
        await signal(request.step_id, **fields)


async def decide(run: Run, request: DecideRequest) -> None:
    """Answer what the run asks, as soon as it asks."""
    asked = await eventually(lambda: open_asking(run, request.step_id))
    await run.decide(request.model_copy(update={"step_id": asked.path, "digest": asked.digest}))


def assert_report(outcome: Outcome, expected: Expect) -> None:
    report = outcome.report
    assert report.status == expected.status
    if "result" in expected.model_fields_set:
        assert_fields(outcome.data, expected.result)
    assert_some({path: step["status"] for path, step in report.steps.items()}, expected.steps)
    failed = {path: step["error"]["type"] for path, step in report.model_dump()["steps"].items() if step.get("error")}
    assert_some(failed, expected.step_errors)
    assert outcome.state is not None
    assert [one.code for one in outcome.state.rejected_decisions] == expected.rejected_decisions
    if "rollback" in expected.model_fields_set:
        assert_rollback(report.rollback.entries if report.rollback else None, expected.rollback)


def assert_rollback(entries: list[UndoEntry] | None, expected: dict[str, str | list[str]] | None) -> None:
    if entries is None or expected is None:
        assert entries == expected
        return
    outcomes: dict[str, list[str]] = {}
    for entry in entries:
        outcomes.setdefault(entry.action, []).append(entry.outcome.value)
    if not expected:  # nothing to undo
        assert {one for some in outcomes.values() for one in some} <= {"not_needed"}
    for action, outcome in expected.items():
        wanted = [outcome] * len(outcomes.get(action, [])) if isinstance(outcome, str) else outcome
        assert sorted(outcomes[action]) == sorted(wanted), action


def assert_effects(expected: Expect, place: Path) -> None:
    book = place / "ledger.db"
    if expected.effects is not None:
        found = ledger_summary(book)
        assert found.keys() == expected.effects.keys()
        for kind, counts in expected.effects.items():
            assert_some(found[kind], counts)
    for name, read_state in STATES.items():
        if wanted := getattr(expected, name):
            assert_some(read_state(book), wanted)
    rows = order_summary(place / "orders.db")
    assert_some(rows["stock"], expected.stock)
    assert_some(rows, expected.rows)


def assert_fields(found: Any, expected: dict[str, JsonValue] | None) -> None:
    if expected is None:
        assert found is None
    else:
        assert_some(found, expected)


def assert_some(found: Any, expected: Any) -> None:
    """What is expected is there; more may be there."""
    assert found == {**found, **expected}


def test_all_actions_of_the_library_are_found_and_named_after_their_folder() -> None:
    folders = {file.parent.name for file in Path(library.__file__).parent.glob("*/__init__.py")}
    named = {action.source.split(".")[3]: name.partition(".")[0] for name, action in REGISTRY.actions.items()}

    assert {module.rpartition(".")[2] for module in library.MODULES} == folders
    assert named == {folder: folder for folder in folders}
