from __future__ import annotations

import logging

import pytest

from advanced_workflow.client.serve.secrets import tell_idle_secrets
from advanced_workflow.client.settings import Settings


def test_a_worker_tells_which_secrets_no_request_can_use(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("ADW_SECRET_IDLE", "x")
    monkeypatch.setenv("ADW_SECRET_USED", "y")
    monkeypatch.setenv("ADW_SECRETS", "USED=api.test, MISSING=https://api.test")
    with caplog.at_level(logging.WARNING):
        tell_idle_secrets(Settings())

    idle, missing = (one.getMessage() for one in caplog.records)
    assert "'IDLE' goes nowhere" in idle
    assert "'MISSING' is not there" in missing
