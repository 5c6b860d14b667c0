from __future__ import annotations

import pytest

from advanced_workflow.client.dev.processes import local_environment


def test_a_local_worker_has_no_configuration_of_servers_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TEMPORAL_NAMESPACE", "ADW_DEPLOYMENT", "ADW_BUILD_ID", "ADW_ACTIONS"):
        monkeypatch.setenv(name, "elsewhere")

    environment = local_environment("127.0.0.1:1", ADW_BUILD_ID="2")

    assert environment["TEMPORAL_ADDRESS"] == "127.0.0.1:1"
    assert environment["ADW_ACTIONS"] == "elsewhere"
    assert environment["ADW_BUILD_ID"] == "2"
    assert not {"TEMPORAL_NAMESPACE", "ADW_DEPLOYMENT"} & environment.keys()
