"""A plain installation holds nothing that serves nothing."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.harness import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PLAIN = [Requirement(one) for one in PROJECT["dependencies"]]
FOLDERS = ("activities", "client", "workflows")
LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
ELSEWHERE = frozenset({"colorama", "exceptiongroup"})
"""Only for other systems or Pythons than this one."""


@cache
def _imported() -> frozenset[str]:
    """Every module that the package imports, by its full name."""
    files = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    return frozenset(name for path in files for name in _imports(path))


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{one.name}" for one in node.names))


def _modules_of(name: str) -> set[str]:
    """Modules that only this distribution has."""
    files = [Path(str(one)) for one in distribution(name).files or ()]
    return {
        ".".join(one.with_suffix("").parts).removesuffix(".__init__") for one in files if one.suffix in (".py", ".so")
    }


def _closure(roots: list[Requirement]) -> set[str]:
    found: set[str] = set()
    waiting = [(one.name, extra) for one in roots for extra in ("", *one.extras)]
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen:
            continue
        seen.add((name, extra))
        found.add(canonicalize_name(name))
        for text in distribution(name).requires or ():
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                waiting += [(needed.name, one) for one in ("", *needed.extras)]
    return found


@pytest.mark.parametrize("needed", PLAIN, ids=lambda one: one.name)
def test_every_dependency_is_imported(needed: Requirement) -> None:
    modules = {name.partition(".cpython")[0] for name in _modules_of(needed.name)}

    assert modules & _imported() or any(
        needed.name in names for top, names in packages_distributions().items() if top in _imported()
    )


def test_a_plain_installation_has_nothing_that_no_dependency_needs() -> None:
    locked = {canonicalize_name(name) for name in LOCKED.findall((ROOT / "deploy/requirements.txt").read_text())}

    assert locked - ELSEWHERE == _closure(PLAIN) - ELSEWHERE


def test_packages_of_models_come_with_the_agents_only() -> None:
    extras = [Requirement(one).name for one in PROJECT["optional-dependencies"]["agents"]]

    assert extras == ["langchain", "langchain-openai", "langgraph"]
    assert not {*extras, "langchain-core", "langsmith", "openai"} & _closure(PLAIN)
    assert "langchain-core" in _closure([Requirement("langgraph")])


def test_the_mcp_sdk_comes_with_its_extra_only() -> None:
    assert [Requirement(one).name for one in PROJECT["optional-dependencies"]["mcp"]] == ["mcp"]
    assert not {"mcp", "mcp-types", "starlette"} & _closure(PLAIN)
