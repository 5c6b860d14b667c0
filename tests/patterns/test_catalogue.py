from __future__ import annotations

import importlib
import inspect
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from advanced_workflow.workflows.definition.check.check import check
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from tests.patterns.catalogue import GROUPS, PATTERNS, table


def _modules() -> Iterator[ModuleType]:
    for path in sorted(Path(__file__).parent.glob("test_*.py")):
        if path.stem != "test_catalogue":
            yield importlib.import_module(f"tests.patterns.{path.stem}")


MODULES = {one.__name__.rpartition(".")[2]: one for one in _modules()}
TESTS = [name for one in MODULES.values() for name, _ in inspect.getmembers(one, inspect.iscoroutinefunction)]
DEFINITIONS: dict[str, dict[str, Any]] = {
    name: value for one in MODULES.values() for name, value in vars(one).items() if re.fullmatch(r"WCP_\d\d", name)
}


def test_the_catalogue_has_all_43_patterns() -> None:
    assert list(PATTERNS) == list(range(1, 44))
    assert sum(len(group) for group in GROUPS.values()) == 43


def test_each_pattern_has_exactly_one_test_or_a_reason() -> None:
    tests = Counter(int(found.group(1)) for name in TESTS if (found := re.match(r"test_wcp_(\d\d)_", name)))

    assert tests == Counter(number for number, one in PATTERNS.items() if one.support != "not supported")
    assert all(one.how for one in PATTERNS.values())


def test_each_test_says_its_patterns_name_and_a_sentence_about_it() -> None:
    names = [name for name in TESTS if name.startswith("test_wcp_")]

    assert [name for name in names if not name.startswith(PATTERNS[int(name[9:11])].test_prefix)] == []


def test_each_group_has_its_tests_in_one_file() -> None:
    for group, patterns in GROUPS.items():
        module = MODULES["test_" + re.sub(r"[^a-z]+", "_", group.lower())]
        tested = {int(name[9:11]) for name in vars(module) if name.startswith("test_wcp_")}

        assert tested == {one.number for one in patterns if one.support != "not supported"}


def test_at_least_36_patterns_are_direct() -> None:
    assert sum(one.support == "direct" for one in PATTERNS.values()) >= 36


@pytest.mark.parametrize("name", sorted(DEFINITIONS))
def test_the_definitions_pass_check_without_a_warning(name: str) -> None:
    found = check(AdvancedWorkflow.model_validate(DEFINITIONS[name]), definitions={})

    assert [
        one for one in found if one.code != "no_deadline"
    ] == []  # They show what follows what, and leave times out.


def test_each_test_has_its_definition() -> None:
    supported = [one for one in PATTERNS.values() if one.support != "not supported"]

    assert sorted(DEFINITIONS) == [f"WCP_{one.number:02}" for one in supported]


def test_the_table_has_a_line_for_each_pattern() -> None:
    lines = list(table())

    assert len(lines) == 2 + 43
    assert all(line.count("|") == 5 for line in lines)
