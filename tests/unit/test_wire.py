"""Two releases side by side: what one writes the other reads."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from advanced_workflow.workflows import contract
from advanced_workflow.workflows.contract import DecideRequest, RunRequest
from advanced_workflow.workflows.contract.paths import StepPath
from advanced_workflow.workflows.contract.wire import UserModel, WireModel
from advanced_workflow.workflows.engine.undo.armed import Armed
from advanced_workflow.workflows.engine.undo.undo_log import UndoLog

MODELS = [
    one
    for one in vars(contract).values()
    if isinstance(one, type) and issubclass(one, WireModel) and one not in (WireModel, UserModel)
]
WRITTEN_BY_PEOPLE = {
    "DecideRequest",
    "Decision",
    "EventMessage",
    "ExecutionOptions",
    "OperatorRequest",
    "RunRequest",
    "SkipRequest",
    "StateRequest",
    "StepRequest",
}


def test_only_what_people_write_refuses_unknown_fields() -> None:
    assert {one.__name__ for one in MODELS if one.model_config.get("extra") == "forbid"} == WRITTEN_BY_PEOPLE


@pytest.mark.parametrize("model", [one for one in MODELS if not issubclass(one, UserModel)])
def test_a_field_of_a_later_release_is_ignored(model: type[BaseModel]) -> None:
    assert "extra_forbidden" not in _misfits(model, {"field-of-a-later-release": {"a": 1}})


def test_only_what_was_said_is_written() -> None:
    early = DecideRequest(step_id="ask", approver="ann", decision="approve", comment=None, groups=["finance"])
    given = RunRequest(workflow={"steps": []}, input_data=0, execution_options={})

    assert early.model_dump(mode="json") == {
        "step_id": "ask",
        "approver": "ann",
        "decision": "approve",
        "groups": ["finance"],
    }
    assert given.model_dump(mode="json") == {"workflow": {"steps": []}, "input_data": 0}


@pytest.mark.parametrize("model", [one for one in MODELS if issubclass(one, UserModel)])
def test_a_message_that_says_little_fits_a_release_that_knows_fewer_fields(model: type[UserModel]) -> None:
    class Later(model):
        added_later: str | None = None

    needed = {name for name, one in model.model_fields.items() if one.is_required()}
    said = Later.model_validate({name: _SAID.get(name, "x") for name in needed})
    written = said.model_dump(mode="json")

    assert written.keys() == needed
    assert model.model_validate(written).model_dump() == written


_SAID: dict[str, Any] = {"decision": "approve", "workflow": {}}


def _misfits(model: type[BaseModel], value: Any) -> set[str]:
    try:
        model.model_validate(value)
    except ValidationError as error:
        return {one["type"] for one in error.errors()}
    return set()


def test_what_a_later_release_adds_to_an_undo_log_is_ignored() -> None:
    log = UndoLog()
    for key in ("#0", "#1"):
        log.passes("again").begin(key).arm("s", Armed("s", StepPath(f"again{key}.s"), key, {}, "completed"))
    log.passes("again").end("#0")
    dumped: Any = log.dump()

    dumped[1]["again"].append("of a later release")
    assert UndoLog.load([*dumped, {}]).dump() == log.dump()


def test_what_a_later_release_notes_of_an_effect_is_ignored() -> None:
    armed = Armed("s", StepPath("s"), "key", {"a": 1}, "completed", 2, undone=1)
    dumped: list[Any] = armed.dump()

    more = [*dumped, *[None] * (len(fields(Armed)) - len(dumped)), "of a later release", {}]
    assert Armed.load(more) == armed
