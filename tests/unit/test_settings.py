from __future__ import annotations

import os
from pathlib import Path

import pytest

from advanced_workflow.client.errors import SettingsInvalid
from advanced_workflow.client.settings import Settings, current_user, load_settings
from advanced_workflow.workflows.contract import DEFAULT_TASK_QUEUE, PAYLOAD_LIMIT_BYTES


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("ADW_")]:
        monkeypatch.delenv(name)


def test_without_variables_the_defaults_hold() -> None:
    settings = load_settings()

    assert settings.actions == ()
    assert settings.definitions == ()
    assert settings.library == "off"
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


def test_storage_is_off_until_it_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().storage == "none"

    monkeypatch.setenv("ADW_STORAGE", "s3://bucket/some/prefix")
    monkeypatch.setenv("ADW_STORAGE_THRESHOLD", "100000")
    monkeypatch.setenv("ADW_PAYLOAD_LIMIT", "5000000")

    settings = load_settings()
    assert settings.storage == "s3://bucket/some/prefix"
    assert (settings.storage_threshold, settings.payload_limit) == (100_000, 5_000_000)


def test_hosts_are_names_or_addresses_with_or_without_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADW_HTTP_ALLOWED_HOSTS", "Intranet, hooks.example.com:8080,127.0.0.1:9000,[::1]:80,")

    allowed = load_settings().http_allowed_hosts

    assert allowed == ("intranet", "hooks.example.com:8080", "127.0.0.1:9000", "[::1]:80")


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
        ("ADW_LIBRARY", "true", "'on' or 'off'"),
        ("ADW_LIBRARY_MODEL", "gpt-5", "PROVIDER:MODEL"),
        ("ADW_LOG_FORMAT", "yaml", "'text' or 'json'"),
        ("ADW_PROMETHEUS", "9464", "HOST:PORT"),
        ("ADW_PROMETHEUS", "127.0.0.1:99999", "HOST:PORT"),
        ("ADW_OTLP", "collector", "http://HOST:PORT"),
        ("ADW_STORAGE", "/var/payloads", "file:///FOLDER, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX"),
        ("ADW_STORAGE", "file://payloads/here", "file:///FOLDER"),
        ("ADW_STORAGE", "file:payloads", "file:///FOLDER"),
        ("ADW_STORAGE", "s3://", "s3://BUCKET/PREFIX"),
        ("ADW_STORAGE", "s3://user@bucket", "s3://BUCKET/PREFIX"),
        ("ADW_STORAGE", "gs://bucket?project=1", "gs://BUCKET/PREFIX"),
        ("ADW_STORAGE", "http://[", "give none"),
        ("ADW_STORAGE_THRESHOLD", "0", "greater than or equal to 32768"),
        ("ADW_STORAGE_THRESHOLD", "3000000", f"less than or equal to {PAYLOAD_LIMIT_BYTES}"),
        ("ADW_PAYLOAD_LIMIT", "1000", f"greater than or equal to {PAYLOAD_LIMIT_BYTES}"),
        ("ADW_HTTP_ALLOWED_HOSTS", "http://intranet", "HOST:PORT"),
        ("ADW_HTTP_ALLOWED_HOSTS", "*", "HOST:PORT"),
        ("ADW_HTTP_ALLOWED_HOSTS", "user@intranet", "HOST:PORT"),
        ("ADW_HTTP_ALLOWED_HOSTS", "intranet:0", "HOST:PORT"),
        ("ADW_HTTP_ALLOWED_HOSTS", "intranet:http", "HOST:PORT"),
        ("ADW_HTTP_ALLOWED_HOSTS", "[::1", "HOST:PORT"),
        ("ADW_MAX_CONCURRENT_ACTIVITIES", "many", "integer"),
        ("ADW_MAX_CONCURRENT_ACTIVITIES", "0", "greater than or equal to 1"),
        ("ADW_DEPLOYMENT", "shop.workers", "such as shop-workers"),
        ("ADW_BUILD_ID", "it's", "such as 1.4.0-3f2c1a9"),
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


@pytest.mark.parametrize(("given", "missing"), [("ADW_DEPLOYMENT", "ADW_BUILD_ID"), ("ADW_BUILD_ID", "ADW_DEPLOYMENT")])
def test_a_build_belongs_to_a_deployment_and_a_deployment_has_a_build(
    monkeypatch: pytest.MonkeyPatch, given: str, missing: str
) -> None:
    assert load_settings().deployment is None
    monkeypatch.setenv(given, "shop")

    with pytest.raises(SettingsInvalid) as caught:
        load_settings()

    assert str(caught.value) == f"{missing}: is not set, but {given} is; set both, or neither."
    monkeypatch.setenv(missing, "shop-2")
    assert {load_settings().deployment, load_settings().build_id} == {"shop", "shop-2"}


def test_a_secret_is_bound_to_hosts_each_written_as_it_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADW_SECRETS", "STRIPE=API.stripe.com, erp=http://intranet:8080,erp=erp.example:8443")

    assert load_settings().secrets == ("STRIPE=api.stripe.com", "erp=http://intranet:8080", "erp=erp.example:8443")


@pytest.mark.parametrize(
    "value", ["STRIPE", "STRIPE=", "=api.test", "A B=api.test", "A=ftp://api.test", "A=*.api.test"]
)
def test_a_secret_bound_to_nothing_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADW_SECRETS", value)

    with pytest.raises(SettingsInvalid, match="ADW_SECRETS"):
        load_settings()
