from __future__ import annotations

import json
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from advanced_workflow.activities.builtin.http_request import HttpPolicy, HttpRequests
from tests.unit.http_calls import OK, answer, environment, failure, never, running, send


async def test_a_request_carries_its_body_as_json_and_the_idempotency_key():
    async with running(answer(b'{"id": 7}', Content_Type="application/json; charset=utf-8", X_Trace="t")) as server:
        given = await send(server, body={"name": "Zoë"}, headers={"X-Tenant": " acme "})

    (request,) = server.requests
    assert (request["method"], request["target"]) == ("POST", "/in?a=1")
    assert json.loads(request["body"]) == {"name": "Zoë"}
    assert request["headers"] == {
        "host": f"hooks.test:{server.port}",
        "accept-encoding": "identity",
        "connection": "close",
        "content-length": str(len(request["body"])),
        "content-type": "application/json",
        "idempotency-key": "run-1:ship[3].call",
        "user-agent": "advanced-workflow",
        "accept": "*/*",
        "x-tenant": "acme",
    }
    assert (given.status, given.body, given.headers["x-trace"]) == (200, {"id": 7}, "t")


async def test_without_a_body_no_content_type_is_sent():
    async with running() as server:
        given = await send(server, method="GET")

    assert server.requests[0]["body"] == b""
    assert not {"content-type", "content-length"} & set(server.requests[0]["headers"])
    assert given.body is None


async def test_the_definition_may_set_the_key_the_agent_and_the_content_type_itself():
    own = {"idempotency-key": "mine", "USER-AGENT": "me", "Content-Type": "application/cloudevents+json"}
    async with running() as server:
        await send(server, headers=own, body=1)

    sent = server.requests[0]["headers"]
    assert [sent[name.lower()] for name in own] == list(own.values())


async def test_a_path_that_is_not_ascii_is_encoded_and_an_encoded_one_stays():
    async with running() as server:
        await send(server, url=f"http://hooks.test:{server.port}/Zoë/a%2Fb?q=ü&x={{1}}#part")

    assert server.requests[0]["target"] == "/Zo%C3%AB/a%2Fb?q=%C3%BC&x=%7B1%7D"


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("application/problem+json", b"[1, 2]", [1, 2]),
        ("text/plain", b"[1, 2]", "[1, 2]"),
        ("text/plain; charset=iso-8859-1", b"Zo\xeb", "Zoë"),
        ("text/plain; charset=punycode", b"Zo", "Zo"),
        ("text/plain", b"\xff", "�"),
        ("application/json", b"\xef\xbb\xbf{}", {}),
        ("application/json", b"{", "{"),
        ("application/json", b"NaN", "NaN"),
        ("application/json", b"1e999", "1e999"),
        ("application/json", b'"\\ud800"', '"\\ud800"'),
        ("application/json", b"[" * 5000 + b"]" * 5000, "[" * 5000 + "]" * 5000),
        ("application/json", b"[" * 100 + b"]" * 100, json.loads("[" * 100 + "]" * 100)),
        ("application/json", b"", None),
    ],
)
async def test_an_answer_that_is_json_is_parsed_and_any_other_is_text(kind: str, body: bytes, expected: Any):
    async with running(answer(body, Content_Type=kind)) as server:
        assert (await send(server)).body == expected


async def test_headers_that_come_twice_are_joined():
    async with running(b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-a: 2\r\nContent-Length: 0\r\n\r\n") as server:
        assert (await send(server)).headers["x-a"] == "1, 2"


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Again", "308 Always"])
async def test_a_redirect_is_given_back_and_not_followed(status: str):
    async with running(answer(status=status, Location="http://169.254.169.254/latest"), OK) as server:
        given = await send(server)

    assert len(server.requests) == 1
    assert (given.status, given.headers["location"]) == (int(status[:3]), "http://169.254.169.254/latest")


async def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch):
    async with running() as proxy, running() as server:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        await send(server)

    assert (len(proxy.requests), len(server.requests)) == (0, 1)


@pytest.mark.parametrize(
    "name", ["Host", "content-LENGTH", "Transfer-Encoding", "Connection", "Expect", "Upgrade", "TE"]
)
async def test_headers_that_say_how_the_message_travels_are_refused(name: str):
    error = await failure(url="https://example.com/", headers={name: "1"}, resolver=never)

    assert (error.type, error.non_retryable) == ("HttpRefused", True)
    assert name in error.message


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "1\r\nHost: evil"),
        ("X-A", "1\nX-B: 2"),
        ("X-A", "a\x00b"),
        ("X-A", "Zoë"),
        ("X-A\r\nX-B", "1"),
        ("X A", "1"),
        ("X:A", "1"),
        ("", "1"),
        ("Zoë", "1"),
    ],
)
async def test_a_header_that_could_be_read_as_two_is_refused(name: str, value: str):
    error = await failure(url="https://example.com/", headers={name: value}, resolver=never)

    assert (error.type, error.non_retryable) == ("HttpRefused", True)
    assert repr(name) in error.message


async def test_a_header_given_twice_is_refused():
    error = await failure(url="https://example.com/", headers={"X-A": "1", "x-a": "2"}, resolver=never)

    assert (error.type, error.message) == ("HttpRefused", "header 'x-a' is given twice; keep one.")


async def test_a_method_outside_the_language_is_refused():
    error = await failure(url="https://example.com/", method="CONNECT", resolver=never)

    assert (error.type, error.non_retryable) == ("HttpRefused", True)


async def test_a_body_that_is_no_json_is_refused():
    error = await failure(url="https://example.com/", body=[float("nan")], resolver=never)

    assert (error.type, error.non_retryable) == ("HttpRefused", True)


async def test_an_input_that_is_no_request_names_the_field():
    request = {"method": "POST", "url": "https://a.test", "headers": {"X-A": 1}}
    with pytest.raises(ApplicationError) as caught:
        await environment().run(HttpRequests(HttpPolicy()).send, request)

    error = caught.value
    assert (error.type, error.non_retryable) == ("InputInvalid", True)
    assert "headers.X-A" in error.message
