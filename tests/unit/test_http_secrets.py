from __future__ import annotations

import json

import pytest

from tests.unit.http_calls import answer, details, failure, never, running, send


async def test_a_secret_is_filled_in_and_hidden_again_where_the_server_repeats_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADW_SECRET_TOKEN", 'to"ken-1\n')
    monkeypatch.setenv("ADW_SECRET_USER", "to")
    echo = json.dumps({"you sent": 'Bearer to"ken-1 to'}).encode()
    async with running(answer(echo, Content_Type="application/json", X_Echo='to"ken-1')) as server:
        given = await send(server, headers={"Authorization": "Bearer {{secret:TOKEN}} {{ secret:USER }}"})

    assert server.requests[0]["headers"]["authorization"] == 'Bearer to"ken-1 to'
    assert given.body == {"you sent": "Bearer {{secret:TOKEN}} {{secret:USER}}"}
    assert given.headers["x-echo"] == "{{secret:TOKEN}}"


async def test_a_secret_is_not_in_the_error_though_the_server_repeats_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADW_SECRET_TOKEN", "s3cret" * 4)
    body = b"x" * 1990 + b"s3cret" * 4 + b"!" * 9000
    async with running(answer(body, status="401 Unauthorized")) as server:
        error = await failure(server, headers={"X-Token": "{{secret:TOKEN}}"})

    assert "s3cret" not in repr((error.message, error.details, str(error)))
    assert details(error)["body"] == "x" * 1990 + "{{secret:T"


@pytest.mark.parametrize("value", [None, "", " \n"])
async def test_a_secret_the_worker_does_not_have_names_the_variable(value: str | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADW_SECRET_NONE", value) if value is not None else monkeypatch.delenv(
        "ADW_SECRET_NONE", raising=False
    )
    error = await failure(url="https://example.com/", headers={"A": "{{secret:NONE}}"}, resolver=never)

    assert (error.type, error.non_retryable) == ("SecretMissing", True)
    assert "set ADW_SECRET_NONE in its environment" in error.message


async def test_a_secret_s_name_reaches_no_other_variable():
    error = await failure(url="https://example.com/", headers={"A": "{{secret:../PATH}}"}, resolver=never)

    assert error.type == "HttpRefused"


async def test_a_secret_that_cannot_be_a_header_value_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADW_SECRET_TWO_LINES", "first\nsecond")
    error = await failure(url="https://example.com/", headers={"A": "{{secret:TWO_LINES}}"}, resolver=never)

    assert error.type == "HttpRefused"
    assert "first" not in str(error)


async def test_no_secret_is_read_for_a_host_that_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ADW_SECRET_NONE", raising=False)
    error = await failure(url="http://example.com/", headers={"A": "{{secret:NONE}}"}, resolver=never)

    assert error.type == "HttpRefused"
