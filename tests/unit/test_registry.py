from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from temporalio.testing import ActivityEnvironment

from advanced_workflow.activities.action.errors import ActionsNotLoaded
from advanced_workflow.activities.worker.registry import ActionRegistry

Write = Callable[[str, str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Make an importable module for one test."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def make(name: str, text: str) -> str:
        (tmp_path / f"{name}.py").write_text("from advanced_workflow import action\n" + text)
        monkeypatch.delitem(sys.modules, name, raising=False)
        return name

    return make


def discover(*modules: str) -> ActionRegistry:
    return ActionRegistry.discover(modules)


def test_actions_of_a_module_are_found_with_those_it_imports(write: Write):
    write("shop_lower", "@action\ndef pack() -> str:\n    return 'packed'\n")
    name = write("shop_upper", "from shop_lower import pack\n@action\ndef ship() -> str:\n    return 'shipped'\n")

    assert {"pack", "ship"} <= discover(name).actions.keys()


def test_a_module_named_twice_counts_once(write: Write):
    name = write("shop_twice", "@action\ndef wrap() -> str:\n    return 'wrapped'\n")

    assert "wrap" in discover(name, name).actions


def test_one_name_for_two_functions_is_an_error_that_names_both(write: Write):
    first = write("shop_first", "@action\ndef ship() -> str:\n    return '1'\n")
    second = write("shop_second", "@action(name='ship')\ndef send() -> str:\n    return '2'\n")

    with pytest.raises(ActionsNotLoaded, match="'ship' is both shop_first:ship and shop_second:send"):
        discover(first, second)


def test_a_module_that_is_missing_names_the_setting_and_the_module():
    with pytest.raises(ActionsNotLoaded, match=r"ADW_ACTIONS: module 'no_such_shop' cannot be imported"):
        discover("no_such_shop")


def test_a_module_that_breaks_on_import_gives_the_cause(write: Write):
    with pytest.raises(ActionsNotLoaded, match=r"ZeroDivisionError: division by zero"):
        discover(write("shop_broken", "1 / 0\n"))


def test_a_module_without_actions_is_an_error(write: Write):
    with pytest.raises(ActionsNotLoaded, match="no @action function"):
        discover(write("shop_empty", ""))


def test_entry_points_of_installed_packages_are_loaded(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    write("shop_installed", "@action\ndef installed() -> int:\n    return 1\n")
    info = tmp_path / "shop-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[advanced_workflow.actions]\nshop = shop_installed\n")
    importlib.invalidate_caches()

    assert "installed" in discover().actions


async def test_the_registry_gives_activities_and_a_catalog(write: Write):
    registry = discover(write("shop_catalog", "@action\ndef double(n: int) -> int:\n    'Twice.'\n    return 2 * n\n"))

    info = registry.catalog()["double"]
    assert (info.description, info.source, info.output_schema) == ("Twice.", "shop_catalog:double", {"type": "integer"})
    named = {vars(one)["__temporal_activity_definition"].name: one for one in registry.activities()}
    assert await ActivityEnvironment().run(named["double"], {"n": 4}) == 8
