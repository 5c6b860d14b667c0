"""The wheel beside a user's own folder, whose modules are named as the folders of this repository."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import zipfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from advanced_workflow.client.dev.child_process import end_process, start_process
from advanced_workflow.client.dev.server import DevServer
from tests.harness import Harness, eventually, outcome_of
from tests.manual.installing import OURS, ROOT, build, build_wheel, clean_environment, install, link_libraries

MODULES = {
    "activities.py": 'GREETING = "Good morning"\n',
    "client.py": 'raise RuntimeError("the user\'s client was imported")\n',
    "worker.py": 'raise RuntimeError("the user\'s worker was imported")\n',
    "workflows.py": 'raise RuntimeError("the user\'s workflows were imported")\n',
    "acme/actions.py": """
import activities
from advanced_workflow import action

@action
def greet(name: str) -> str:
    return f"{activities.GREETING}, {name}!"
""",
    "acme/definitions/greeting.yaml": """
workflow_id: greeting
steps: [{step_id: greet, action: greet, input_mapping: {name: input.name}}]
output: {said: steps.greet.output}
""",
}


PACKAGE = {
    "pyproject.toml": """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "shop"
version = "1"
[project.entry-points."advanced_workflow.actions"]
shop = "shop.actions"
[project.entry-points."advanced_workflow.definitions"]
shop = "shop"
""",
    "shop/__init__.py": "",
    "shop/actions.py": """
from advanced_workflow import Namespace

shop = Namespace("shop")

@shop.action
def charge_card(cents: int) -> int:
    return cents
""",
    "shop/definitions/buy.yaml": "workflow_id: buy\nsteps: [{step_id: pay, action: shop.charge_card}]\n",
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    return install([wheel], link_libraries(folder / "libraries"), folder / "environment")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return written(tmp_path, MODULES)


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@asynccontextmanager
async def serving(commands: Path, project: Path, variables: dict[str, str]) -> AsyncGenerator[None]:
    log = project / "worker.log"
    with log.open("wb") as file:
        worker = await start_process(
            ["sh", "-c", f"cd {project} && exec {commands / 'adw-worker'}"], log=file, environment=variables
        )
    try:
        await eventually(lambda: worker.returncode is not None or "worker ready" in log.read_text())
        assert worker.returncode is None, log.read_text()
        yield
    finally:
        await end_process(worker)


def test_the_wheel_has_one_package_with_every_file_of_ours(wheel: Path) -> None:
    packed = files_in(wheel)
    with zipfile.ZipFile(wheel) as opened:
        [entry_points] = [name for name in opened.namelist() if name.endswith("entry_points.txt")]
        announced = opened.read(entry_points).decode()

    assert packed == sorted(file for file in our_files() if not file.endswith("ruff.toml"))
    assert f"{OURS}/workflows/library/order-fulfilment/definition.yaml" in packed
    assert "[console_scripts]" in announced
    assert f"{OURS}.actions" not in announced


def test_the_image_is_built_from_all_that_the_wheel_needs(wheel: Path, tmp_path: Path) -> None:
    """As `docker build` goes about it, which was never run here: what the COPY lines take, then the wheel."""
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    sent = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    for line in dockerfile.partition("pip wheel")[0].splitlines():
        if line.startswith("COPY "):
            *sources, target = line.removeprefix("COPY ").split()
            for source in sources:
                assert {f"!{source}", f"!{Path(source).parent}/*{Path(source).suffix}"} & set(sent), source
                copy_as_docker(ROOT / source, tmp_path / target)

    assert files_in(build("wheel", tmp_path, tmp_path / "dist")) == files_in(wheel)


def copy_as_docker(source: Path, target: Path) -> None:
    """A folder's contents, its links as links; or a file into the target."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    else:
        target.mkdir(exist_ok=True)
        shutil.copy(source, target)


def files_in(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as opened:
        return sorted(name for name in opened.namelist() if ".dist-info/" not in name)


def our_files() -> list[str]:
    return [
        str(Path(folder, name).relative_to(ROOT))
        for folder, _, names in os.walk(ROOT / OURS, followlinks=True)
        for name in names
        if not any(part == "__pycache__" or part.startswith(".") for part in Path(folder).relative_to(ROOT).parts)
    ]


async def listed(commands: Path, folder: Path, variables: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """What `adw actions` and `adw definitions` say in a folder."""

    def ask(what: str) -> list[dict[str, Any]]:
        command = [commands / "adw", what, "--json"]
        ended = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    actions, definitions = await asyncio.gather(
        asyncio.to_thread(ask, "actions"), asyncio.to_thread(ask, "definitions")
    )
    return [one["name"] for one in actions], [one["workflow_id"] for one in definitions]


async def test_what_an_installed_package_announces_is_served_and_nothing_else(
    wheel: Path, commands: Path, tmp_path: Path
) -> None:
    shop = build("wheel", written(tmp_path / "shop", PACKAGE), tmp_path / "dist")
    own = install([wheel, shop], commands.parents[1] / "libraries", tmp_path / "environment")

    assert await listed(own, tmp_path, clean_environment(own)) == (["shop.charge_card"], ["buy"])


async def test_an_installation_beside_modules_of_the_same_names_runs_their_actions(
    server: DevServer, harness: Harness, commands: Path, project: Path
) -> None:
    variables = {
        **clean_environment(commands),
        "TEMPORAL_ADDRESS": server.address,
        "ADW_TASK_QUEUE": harness.task_queue,
        "ADW_ACTIONS": "acme.actions",
        "ADW_DEFINITIONS": "acme/definitions",
    }

    assert await listed(commands, project, variables) == (["greet"], ["greeting"])
    async with serving(commands, project, variables):
        run = await harness.start("greeting", {"name": "Ann"}, id=f"greeting-{uuid4().hex[:8]}")
        outcome = await outcome_of(run)

    assert outcome.failure is None, outcome.message
    assert outcome.data == {"said": "Good morning, Ann!"}
