"""What can be said of the image and the compose file where no container engine is."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import yaml

from advanced_workflow.activities.library import ledger
from advanced_workflow.activities.library.orders import database
from advanced_workflow.client.settings import Settings
from tests.harness import ROOT

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
EXAMPLES = {ledger.PATH_SETTING, database.PATH_SETTING}


def test_settings_of_the_image_and_of_the_compose_file_exist_and_can_be_used() -> None:
    given = dict(re.findall(r"\bADW_([A-Z_]+)=(\S+)", DOCKERFILE))
    for name, value in COMPOSE["services"]["worker"]["environment"].items():
        if name.startswith("ADW_") and name not in EXAMPLES:
            given[name.removeprefix("ADW_")] = value

    assert Settings(**{name.lower(): value for name, value in given.items()}).library == "on"
    assert len(given) >= 3


def test_the_image_runs_a_command_of_the_package() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    [entry] = re.findall(r'^ENTRYPOINT \["([\w-]+)"\]', DOCKERFILE, re.MULTILINE)

    assert entry in scripts


def test_files_that_compose_mounts_and_the_image_copies_are_here() -> None:
    mounted = [
        volume.partition(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith(".")
    ]
    copied = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]

    assert [one for one in mounted if not (DEPLOY / one).exists()] == []
    assert [one for one in copied if not (ROOT / one).exists()] == []
    assert mounted
    assert len(copied) > 5


def test_the_image_is_made_of_a_lock_that_is_here() -> None:
    [lock] = re.findall(r"^ARG LOCK=(\S+)$", DOCKERFILE, re.MULTILINE)
    [other] = re.findall(r"--build-arg LOCK=(\S+)", DOCKERFILE)

    assert (DEPLOY / lock).exists()
    assert (DEPLOY / other).exists()
    assert '-r "deploy/${LOCK}"' in DOCKERFILE
