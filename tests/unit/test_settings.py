from __future__ import annotations

import os
from pathlib import Path

import pytest

from client import Settings, SettingsInvalid, load_settings
from client.settings import current_user
from workflows.contract import DEFAULT_TASK_QUEUE


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ADW_")]:
        monkeypatch.delenv(name)


def test_without_variables_the_defaults_hold() -> None:
    settings = load_settings()

    assert settings.actions == ()
    assert settings.definitions == ()
    assert settings.task_queue == DEFAULT_TASK_QUEUE
    assert settings.search_attributes == "auto"
    assert settings.user == current_user()
    assert settings.prometheus is None


def test_lists_are_separated_by_commas_and_folders_also_as_path_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADW_ACTIONS", "acme.actions, acme.more,")
    monkeypatch.setenv("ADW_DEFINITIONS", f"/flows{os.pathsep}/more flows,relative")
    monkeypatch.setenv("ADW_CAPABILITIES", "gpu,printer")

    settings = load_settings()

    assert settings.actions == ("acme.actions", "acme.more")
    assert settings.definitions == (Path("/flows"), Path("/more flows"), Path("relative"))
    assert settings.capabilities == ("gpu", "printer")


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADW_TASK_QUEUE", "")
    monkeypatch.setenv("ADW_PROMETHEUS", "")

    assert load_settings().task_queue == DEFAULT_TASK_QUEUE
    assert load_settings().prometheus is None


def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADW_TASK_QUEUE", "from-environment")

    assert load_settings(task_queue="given").task_queue == "given"


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("ADW_ACTIONS", "acme/actions.py", "such as acme.actions"),
        ("ADW_SEARCH_ATTRIBUTES", "maybe", "'auto', 'required' or 'off'"),
        ("ADW_LOG_FORMAT", "yaml", "'text' or 'json'"),
        ("ADW_PROMETHEUS", "9464", "HOST:PORT"),
        ("ADW_PROMETHEUS", "127.0.0.1:99999", "HOST:PORT"),
        ("ADW_OTLP", "collector", "http://HOST:PORT"),
        ("ADW_MAX_CONCURRENT_ACTIVITIES", "many", "integer"),
        ("ADW_MAX_CONCURRENT_ACTIVITIES", "0", "greater than or equal to 1"),
        ("ADW_SHUTDOWN_TIMEOUT", "-1", "greater than or equal to 0"),
    ],
)
def test_a_bad_value_is_one_sentence_naming_variable_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsInvalid) as caught:
        load_settings()

    message = str(caught.value)
    assert message.startswith(f"{variable}: {value!r} ")
    assert allowed in message
    assert "\n" not in message


def test_all_bad_values_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADW_LOG_FORMAT", "yaml")
    monkeypatch.setenv("ADW_LOG_LEVEL", "LOUD")

    with pytest.raises(SettingsInvalid) as caught:
        load_settings()

    assert [line.split(":")[0] for line in str(caught.value).splitlines()] == ["ADW_LOG_FORMAT", "ADW_LOG_LEVEL"]


def test_settings_are_immutable() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().task_queue = "other"
