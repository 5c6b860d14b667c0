from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from advanced_workflow.workflows.plain.misfits import places


class _Line(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    size: int = 1
    tags: tuple[str, ...] = ()

    @field_validator("size")
    @classmethod
    def _positive(cls, value: int) -> int:
        if value < 1:
            raise ValueError("give a positive number")
        return value


class _Order(BaseModel):
    lines: list[_Line]


def misfits_of(data: Any, **options: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        _Order.model_validate(data)
    return places(caught.value, **options)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({}, "lines.0.name: it is missing"),
        ({"name": 7}, "lines.0.name: should be a string"),
        ({"name": "a", "size": "7"}, "lines.0.size: should be an integer"),
        ({"name": "a", "size": 0}, "lines.0.size: give a positive number"),
        ({"name": "a", "tags": 1}, "lines.0.tags: should be a list"),
        ({"name": "a", "secret": 1}, "lines.0.secret: there is no such field"),
        (1, "lines.0: should be an object"),
    ],
)
def test_a_misfit_is_said_in_the_words_of_json(line: object, sentence: str) -> None:
    assert misfits_of({"lines": [line]}) == sentence


def test_several_are_listed_and_the_rest_is_counted() -> None:
    data = {"lines": [{"name": 1}] * 5}

    assert misfits_of(data, most=2) == (
        "lines.0.name: should be a string; lines.1.name: should be a string; and 3 more"
    )


def test_data_that_does_not_fit_as_a_whole_has_a_name() -> None:
    assert misfits_of(7, whole="the input") == "the input: should be an object"


def test_the_data_is_not_shown() -> None:
    assert "swordfish" not in misfits_of({"lines": [{"name": "a", "size": "swordfish"}]})
