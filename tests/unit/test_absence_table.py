"""What the README says of data that may be missing, tried cell by cell."""

import re
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.workflows.definition.model.conditions import Condition, Operator
from advanced_workflow.workflows.errors import ExpressionError
from advanced_workflow.workflows.expressions import compile_condition, compile_expression

README = Path(__file__).parents[2] / "README.md"
COLUMNS: list[list[dict[str, Any]]] = [
    [{"a": {"b": 7}}],
    [{"a": {"b": None}}],
    [{"a": {}}],
    [{}, {"a": None}],
    [{"a": "text"}, {"a": [1]}, {"a": 3}],
]
GIVEN = {"its value": 7, "null": None, "true": True, "false": False, "'none'": "none"}


def rows() -> list[list[str]]:
    lines = README.read_text(encoding="utf-8").split("| expression | `b` is there")[1].split("\n\n")[0].splitlines()[2:]
    return [re.findall(r"(?<=\| ).+?(?= \|)", line) for line in lines]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_the_table_of_missing_data_is_true(row: list[str]) -> None:
    source, *cells = row
    assert len(cells) == len(COLUMNS)
    for cell, inputs in zip(cells, COLUMNS, strict=True):
        for one in inputs:
            if cell == "fails":
                with pytest.raises(ExpressionError):
                    given(source, one)
            else:
                assert given(source, one) == GIVEN[cell]


def given(source: str, data: dict[str, Any]) -> Any:
    source = source.strip("`")
    if source.startswith("{"):
        condition = Condition(field="input.a.b", operator=Operator.EXISTS)
        assert source == "{field: input.a.b, operator: exists}"
        return compile_condition(condition, {"input"}).holds({"input": data})
    return compile_expression(source, {"input"}).evaluate({"input": data})


def test_the_table_has_its_rows() -> None:
    assert len(rows()) == 5
