from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import socket
import ssl
import subprocess
import tracemalloc
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpcore
import pytest
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.builtin import HttpPolicy, HttpPolicyInvalid, HttpRequests
from advanced_workflow.activities.builtin.answer import retry_after
from advanced_workflow.activities.builtin.guard import is_public
from advanced_workflow.workflows.contract import HTTP_ACTION, HttpRequest, HttpResponse

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
Request = dict[str, Any]
Respond = Callable[[asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes = b"", status: str = "200 OK", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass
class Server:
    """An HTTP server on loopback that gives its answers in turn, and the last one for ever."""

    answers: list[bytes | Respond] = field(default_factory=lambda: [OK])
    requests: list[Request] = field(default_factory=list)
    port: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def policy(self) -> HttpPolicy:
        return HttpPolicy(allowed_hosts=(f"hooks.test:{self.port}",))

    @property
    def url(self) -> str:
        return f"http://hooks.test:{self.port}/in?a=1"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            self.requests.append(await _read(reader))
            now = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if isinstance(now, bytes):
                writer.write(now)
                await writer.drain()
            else:
                await now(writer)
        writer.close()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.wait_closed()
        self.closed.set()


async def _read(reader: asyncio.StreamReader) -> Request:
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers: dict[str, str] = {}
    for name, value in (line.split(": ", 1) for line in lines):
        key = name.lower()
        headers[key] = f"{headers[key]}, {value}" if key in headers else value
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return {"method": method, "target": target, "headers": headers, "body": body}


@asynccontextmanager
async def running(
    *answers: bytes | Respond, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1", port: int = 0
) -> AsyncGenerator[Server]:
    server = Server(list(answers) or [OK])
    listening = await asyncio.start_server(server.serve, address, port, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()


async def loopback(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


async def never(host: str, port: int) -> Sequence[str]:
    raise AssertionError(f"{host}:{port} was looked up")


def resolver(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return addresses

    return resolve


def environment(seconds: float = 20, details: Sequence[Any] = ()) -> ActivityEnvironment:
    made = ActivityEnvironment()
    made.info = replace(
        made.info,
        activity_id="ship[3].call",
        workflow_run_id="run-1",
        start_to_close_timeout=timedelta(seconds=seconds),
        heartbeat_details=details,
    )
    return made


async def send(
    server: Server | None = None,
    *,
    policy: HttpPolicy | None = None,
    resolver: Any = loopback,
    trust: ssl.SSLContext | None = None,
    env: ActivityEnvironment | None = None,
    **request: Any,
) -> HttpResponse:
    if server is not None:
        request.setdefault("url", server.url)
        policy = policy or server.policy
    requests = HttpRequests(policy or HttpPolicy(), resolver=resolver, trust=trust)
    given = await (env or environment()).run(requests.send, {"method": "POST", **request})
    return HttpResponse.model_validate(given)


async def failure(server: Server | None = None, **request: Any) -> ActionError:
    with pytest.raises(ActionError) as caught:
        await send(server, **request)
    return caught.value


def details(error: ApplicationError) -> Any:
    return error.details[0] if error.details else None


# What is sent, and what comes back


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


# Where a request may go


NOT_PUBLIC = """
    0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 168.63.129.16 169.254.169.254 172.16.0.1
    192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 224.0.0.1 240.0.0.1 255.255.255.255
    :: ::1 ::10.0.0.1 ::ffff:10.0.0.1 ::ffff:127.0.0.1 ::ffff:224.0.0.1 64:ff9b::7f00:1
    64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1::1 3fff::1 4000::1
    fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 2606:4700::1%eth0 fec0::1 ff02::1 ff0e::1
"""


@pytest.mark.parametrize("address", NOT_PUBLIC.split())
async def test_an_address_that_is_not_public_is_refused(address: str):
    async def told(_host: str, _port: int) -> Sequence[str]:
        return ["8.8.8.8", address]

    assert not is_public(address)
    error = await failure(url="https://hooks.test/", resolver=told)
    assert (error.type, error.non_retryable, error.details) == ("HttpRefused", True, ())
    assert error.message == (
        f"host 'hooks.test' has the address {address}, which is not public; if it may be called, list it in "
        "ADW_HTTP_ALLOWED_HOSTS on the worker."
    )


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_is_public_however_it_is_written(address: str):
    assert is_public(address)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:ffff:a9fe:a9fe]", "[64:ff9b::7f00:1]", "10.1.2.3."]
)
async def test_an_address_in_the_url_is_checked_without_a_look_up(host: str):
    error = await failure(url=f"https://{host}/", resolver=never)

    assert (error.type, error.non_retryable) == ("HttpRefused", True)
    assert "not public" in error.message


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "LOCALHOST."])
async def test_other_names_of_loopback_are_refused_by_what_the_system_makes_of_them(host: str):
    with pytest.raises(ActionError) as caught:
        await environment().run(HttpRequests(HttpPolicy()).send, {"method": "POST", "url": f"https://{host}/"})

    assert caught.value.type == "HttpRefused"
    assert "127.0.0.1" in caught.value.message or "::1" in caught.value.message


@pytest.mark.parametrize(
    ("url", "says"),
    [
        (
            "http://example.com/",
            "'example.com' may be called by https only; to allow http, list it in ADW_HTTP_ALLOWED",
        ),
        ("ftp://example.com/", "scheme is 'ftp'"),
        ("file:///etc/passwd", "scheme is 'file'"),
        ("gopher://example.com/", "scheme is 'gopher'"),
        ("/relative", "scheme is ''"),
        ("https:///path", "host"),
        ("https:example.com", "host"),
        ("https://me:word@example.com/", "user or password"),
        ("https://example.com@127.0.0.1/", "user or password"),
        ("https://example.com\\@127.0.0.1/", "backslash"),
        ("https://exa mple.com/", "blank"),
        (" https://example.com/", "blank"),
        ("https://example.com/\r\nX: y", "control character"),
        ("https://example.com/\tx", "control character"),
        ("https://example.com/\ud800", "control character"),
        ("https://exämple.com/", "host"),
        ("https://example.com:0/", "host"),
        ("https://example.com:65536/", "host"),
        ("https://example.com:/", "host"),
        ("https://example.com:80:80/", "host"),
        ("https://a..b/", "host"),
        ("https://%31%32%37.0.0.1/", "host"),
        ("https://[::1/", "cannot be read"),
        ("https://[::1%25lo]/", ""),
        ("https://[v1.a]/", ""),
        ("https://example.com/{{secret:TOKEN}}", "header values only"),
    ],
)
async def test_a_url_that_is_not_plainly_allowed_is_refused(url: str, says: str):
    error = await failure(url=url, resolver=never)

    assert (error.type, error.non_retryable) == ("HttpRefused", True)
    assert says in error.message


@pytest.mark.parametrize("listed", ["hooks.test", "HOOKS.test.", "hooks.test:{port}"])
async def test_a_listed_host_may_be_private_and_called_by_http(listed: str):
    async with running() as server:
        policy = HttpPolicy(allowed_hosts=("other.test", listed.format(port=server.port)))
        assert (await send(server, policy=policy)).status == 200


async def test_a_host_listed_with_another_port_is_not_listed():
    async with running() as server:
        error = await failure(server, policy=HttpPolicy(allowed_hosts=(f"hooks.test:{server.port + 1}",)))

    assert (error.type, server.requests) == ("HttpRefused", [])


async def test_a_listed_ipv6_address_matches_however_it_is_written():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    async with running(address="::1") as server:
        policy = HttpPolicy(allowed_hosts=(f"[0::1]:{server.port}",))
        await send(policy=policy, url=f"http://[0:0:0:0:0:0:0:1]:{server.port}/", resolver=never)

    assert server.requests[0]["headers"]["host"] == f"[::1]:{server.port}"


@pytest.mark.parametrize("entry", ["", "*", "http://a", "a/b", "a:0", "a:99999", "::1", "[::1", "a b", "*.a.test"])
def test_a_listed_host_that_could_never_match_is_refused_at_start(entry: str):
    with pytest.raises(HttpPolicyInvalid, match="ADW_HTTP_ALLOWED_HOSTS"):
        HttpPolicy(allowed_hosts=(entry,))


async def test_a_name_is_looked_up_once_and_the_connection_goes_to_what_was_found():
    asked: list[str] = []

    async def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    async with running() as first, running(address="127.0.0.2", port=first.port) as second:
        await send(first, resolver=rebinding)

    assert (asked, len(first.requests), len(second.requests)) == (["hooks.test"], 1, 0)


async def test_a_name_that_turns_private_after_the_check_is_not_followed_there(monkeypatch: pytest.MonkeyPatch):
    answers = [["8.8.8.8", "2606:4700::1111"], ["127.0.0.1"]]
    connected: list[tuple[str, int]] = []

    async def rebinding(_host: str, _port: int) -> Sequence[str]:
        return answers.pop(0)

    async def no_network(_self: object, host: str, _port: int, seconds: float, *_rest: Any) -> Any:
        connected.append((host, round(seconds)))
        raise httpcore.ConnectError("no network in tests")

    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", no_network)

    error = await failure(url="https://hooks.test/", resolver=rebinding)

    assert error.type == "HttpUnreachable"
    assert connected == [("8.8.8.8", 5), ("2606:4700::1111", 10)]  # each has its share of what is left of 10 s


async def test_an_address_nobody_listens_at_leaves_the_next_one_to_be_tried():
    async with running() as server:
        assert (await send(server, resolver=resolver("127.0.0.9", "127.0.0.1"))).status == 200


# TLS


@dataclass(frozen=True)
class Certificates:
    server: ssl.SSLContext
    trust: ssl.SSLContext
    asked_for: list[str | None]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    _openssl(folder, "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem")
    _openssl(folder, "req -newkey rsa:2048 -nodes -subj /CN=hooks.test -keyout key.pem -out request.pem")
    (folder / "names").write_text("subjectAltName=DNS:hooks.test\nauthorityKeyIdentifier=keyid\n")
    _openssl(
        folder,
        "x509 -req -days 2 -in request.pem -CA ca.pem -CAkey ca.key -set_serial 1 -extfile names -out cert.pem",
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    asked_for: list[str | None] = []
    server.sni_callback = lambda _socket, name, _context: asked_for.append(name)
    return Certificates(server, ssl.create_default_context(cafile=str(folder / "ca.pem")), asked_for)


def _openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)


async def test_tls_asks_for_and_checks_the_host_s_name_though_an_address_is_called(certificates: Certificates):
    async with running(tls=certificates.server) as server:
        url = f"https://hooks.test:{server.port}/"
        given = await send(policy=HttpPolicy(("hooks.test",)), trust=certificates.trust, url=url)

    assert given.status == 200
    assert certificates.asked_for[-1] == "hooks.test"


async def test_a_certificate_for_another_name_is_not_accepted(certificates: Certificates):
    async with running(tls=certificates.server) as server:
        error = await failure(
            policy=HttpPolicy(("other.test",)), trust=certificates.trust, url=f"https://other.test:{server.port}/"
        )

    assert (error.type, error.non_retryable, server.requests) == ("HttpUnreachable", False, [])
    assert "certificate is not valid for 'other.test'" in error.message


async def test_a_certificate_nobody_trusts_is_not_accepted(certificates: Certificates):
    async with running(tls=certificates.server) as server:
        error = await failure(policy=HttpPolicy(("hooks.test",)), url=f"https://hooks.test:{server.port}/")

    assert (error.type, server.requests) == ("HttpUnreachable", [])
    assert "certificate verify failed" in error.message


async def test_certificates_of_the_environment_are_trusted(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    (authority,) = certificates.trust.get_ca_certs(binary_form=True)
    (tmp_path / "ca.pem").write_text(ssl.DER_cert_to_PEM_cert(authority))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)

    async with running(tls=certificates.server) as server:
        url = f"https://hooks.test:{server.port}/"
        assert (await send(policy=HttpPolicy(("hooks.test",)), url=url)).status == 200


# What is in a header


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


# Secrets


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


# Statuses


@pytest.mark.parametrize(
    ("status", "retryable", "doubt"),
    [
        *((status, False, False) for status in (400, 401, 404, 409, 422)),
        *((status, True, False) for status in (408, 425, 429)),
        *((status, True, True) for status in (500, 501, 503, 599)),
    ],
)
async def test_a_status_of_400_and_above_fails_and_says_whether_it_may_have_had_an_effect(
    status: int, retryable: bool, doubt: bool
):
    async with running(answer(b'{"why": "no"}', status=f"{status} X", Content_Type="application/json")) as server:
        error = await failure(server)

    assert (error.type, error.non_retryable, error.next_retry_delay) == ("HttpError", not retryable, None)
    assert error.message.startswith(f"host 'hooks.test' answered with status {status}")
    assert details(error) == {"status": status, "body": '{"why": "no"}'} | ({"effect": "unknown"} if doubt else {})


async def test_a_retry_after_delays_the_next_attempt():
    async with running(answer(status="503 Busy", Retry_After="7")) as server:
        assert (await failure(server)).next_retry_delay == timedelta(seconds=7)


async def test_a_retry_after_of_an_answer_that_is_not_tried_again_means_nothing():
    async with running(answer(status="404 Gone", Retry_After="7")) as server:
        assert (await failure(server)).next_retry_delay is None


NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("3600", 3600),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90),
        ("0", None),
        ("3601", None),
        ("9" * 20, None),
        ("9" * 5000, None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("", None),
        (format_datetime(NOW - timedelta(seconds=1), usegmt=True), None),
        ("Tue, 01 Jan 2030 00:00:30 -0000", None),
    ],
)
def test_a_retry_after_that_makes_no_sense_is_left_out(value: str, seconds: int | None):
    assert retry_after(value, NOW) == (None if seconds is None else timedelta(seconds=seconds))


async def test_of_a_long_error_only_the_first_part_is_read_and_kept():
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with running(endless) as server:
        error = await failure(server)

    assert details(error) == {"status": 400, "body": "x" * 2000}


async def test_an_error_whose_body_breaks_off_is_the_error_of_its_status():
    async with running(b"HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\nhalf") as server:
        error = await failure(server)

    assert (error.type, details(error)) == ("HttpError", {"status": 403, "body": "half"})


# Sizes


@pytest.mark.parametrize("length", ["Content-Length: 1000001\r\n", ""], ids=["announced", "unannounced"])
async def test_an_answer_above_the_limit_is_cut_off_and_its_effect_is_unknown(length: str):
    sent = 0

    async def endless(writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
        while True:
            writer.write(b"x" * 4096)
            sent += 4096
            await writer.drain()

    async with running(endless) as server:
        error = await failure(server, policy=replace(server.policy, max_response_bytes=10_000))
        await asyncio.wait_for(server.closed.wait(), 10)

    assert (error.type, error.non_retryable, details(error)) == ("HttpTooLarge", True, {"effect": "unknown"})
    assert "longer than 10,000 bytes" in error.message


async def test_an_answer_at_the_limit_is_taken():
    async with running(answer(b"x" * 10_000)) as server:
        assert (await send(server, policy=replace(server.policy, max_response_bytes=10_000))).body == "x" * 10_000


async def test_an_answer_that_grows_when_unpacked_is_cut_off():
    bomb = gzip.compress(b"0" * 50_000_000)
    async with running(answer(bomb, Content_Encoding="gzip")) as server:
        tracemalloc.start()
        try:
            error = await failure(server)
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert most < 10_000_000
    assert (error.type, error.non_retryable) == ("HttpTooLarge", True)


async def test_an_answer_that_is_packed_unasked_is_unpacked():
    async with running(answer(gzip.compress(b'{"a": 1}'), Content_Encoding="GZIP", Content_Type="text/json")) as server:
        assert (await send(server)).body == {"a": 1}


@pytest.mark.parametrize("packed", [b"this is not gzip", gzip.compress(b"x" * 100)[:-5]], ids=["other", "cut"])
async def test_an_answer_whose_packing_is_broken_did_not_come_whole(packed: bytes):
    async with running(answer(packed, Content_Encoding="gzip")) as server:
        error = await failure(server)

    assert (error.type, details(error)) == ("HttpInterrupted", {"effect": "unknown"})


async def test_an_answer_that_grows_beyond_a_payload_as_json_is_too_large():
    async with running(answer(b"\xff" * 600_000)) as server:
        error = await failure(server)

    assert (error.type, details(error)) == ("HttpTooLarge", {"effect": "unknown"})
    assert "as JSON" in error.message


@pytest.mark.parametrize(
    "request_",
    [
        {"body": "x" * 2_100_000},
        {"headers": {"X-A": "x" * 40_000}},
        {"url": "https://example.com/" + "x" * 9000},
    ],
    ids=["body", "headers", "url"],
)
async def test_a_request_above_the_limits_is_not_sent(request_: dict[str, Any]):
    error = await failure(None, **{"url": "https://example.com/", **request_}, resolver=never)

    assert (error.type, error.non_retryable, error.details) == ("HttpTooLarge", True, ())


# Broken connections, time, and what is known of the effect


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


async def test_a_host_where_nobody_listens_is_unreachable_and_had_no_effect():
    port = unused_port()
    error = await failure(policy=HttpPolicy(("hooks.test",)), url=f"http://hooks.test:{port}/")

    assert (error.type, error.non_retryable, error.details) == ("HttpUnreachable", False, ())
    assert "host 'hooks.test' cannot be reached: " in error.message


async def test_a_host_that_is_not_found_is_unreachable():
    async def unknown(_host: str, _port: int) -> Sequence[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for found in (unknown, resolver()):
        error = await failure(url="https://hooks.test/", resolver=found)
        assert (error.type, error.non_retryable, error.details) == ("HttpUnreachable", False, ())
        assert "hooks.test" in error.message


async def nothing(_writer: asyncio.StreamWriter) -> None:
    """Close the connection without an answer."""


async def silence(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(5)


@pytest.mark.parametrize(
    "broken",
    [
        nothing,
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: 1\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"1" * 200_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    ],
    ids=["no answer", "no HTTP", "half a header", "a header without end", "half a body", "another protocol"],
)
async def test_a_connection_that_breaks_after_sending_leaves_the_effect_unknown(broken: Any):
    async with running(broken) as server:
        error = await failure(server)

    assert len(server.requests) == 1
    assert (error.type, error.non_retryable, details(error)) == ("HttpInterrupted", False, {"effect": "unknown"})


async def test_a_server_that_is_gone_does_not_end_the_doubt_of_an_earlier_attempt():
    env = environment(details=[{"effect": "unknown"}])
    error = await failure(policy=HttpPolicy(("hooks.test",)), url=f"http://hooks.test:{unused_port()}/", env=env)

    assert (error.type, details(error)) == ("HttpUnreachable", {"effect": "unknown"})


async def test_a_get_never_leaves_its_effect_unknown():
    async with running(nothing, answer(status="500 Oops")) as server:
        assert (await failure(server, method="GET")).details == ()
        assert details(await failure(server, method="GET")) == {"status": 500, "body": ""}


async def test_an_answer_that_does_not_come_within_the_attempt_s_time_is_given_up():
    async with running(silence) as server:
        began = asyncio.get_running_loop().time()
        error = await failure(server, env=environment(seconds=0.3))
        took = asyncio.get_running_loop().time() - began

    assert (error.type, error.non_retryable, details(error)) == ("HttpInterrupted", False, {"effect": "unknown"})
    assert "within 0.3 s" in error.message
    assert took < 2


async def test_an_answer_that_drips_is_given_up_too():
    async def drips(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with running(drips) as server:
        error = await failure(server, env=environment(seconds=0.4))
        await asyncio.wait_for(server.closed.wait(), 10)

    assert error.type == "HttpInterrupted"


async def test_time_that_runs_out_before_sending_means_no_effect():
    async def slow(_host: str, _port: int) -> Sequence[str]:
        await asyncio.sleep(5)
        return ["127.0.0.1"]

    error = await failure(url="https://hooks.test/", resolver=slow, env=environment(seconds=0.2))

    assert (error.type, error.details) == ("HttpUnreachable", ())


async def test_a_cancelled_step_ends_its_request():
    async with running(silence) as server:
        env = environment()
        sending = asyncio.create_task(send(server, env=env))
        while not server.requests:  # noqa: ASYNC110 - the server gives no event for it
            await asyncio.sleep(0.01)
        env.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(sending, 2)


async def test_heartbeats_are_sent_while_the_server_is_silent():
    beats: list[Any] = []
    env = environment(seconds=1.4)
    env.on_heartbeat = lambda *given: beats.append(given)
    async with running(silence) as server:
        await failure(server, method="GET", env=env)

    assert beats == [()]


@pytest.mark.parametrize(("status", "last"), [("404 No", ()), ("500 Oops", ({"effect": "unknown"},))])
async def test_the_next_attempt_learns_whether_this_one_may_have_had_an_effect(status: str, last: tuple[Any, ...]):
    beats: list[Any] = []
    env = environment()
    env.on_heartbeat = lambda *given: beats.append(given)
    async with running(answer(status=status)) as server:
        await failure(server, env=env)

    assert beats[0] == ({"effect": "unknown"},)
    assert beats[-1] == last


@workflow.defn
class OneRequest:
    @workflow.run
    async def run(self, request: Any) -> Any:
        return await workflow.execute_activity(
            HTTP_ACTION,
            request,
            activity_id="call",
            start_to_close_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(initial_interval=timedelta(milliseconds=10), maximum_attempts=2),
        )


async def run(client: Client, server: Server) -> HttpResponse:
    requests = HttpRequests(server.policy, resolver=loopback)
    request = HttpRequest(url=server.url, method="POST", body={}).model_dump(mode="json")
    queue = f"http-{uuid4()}"
    async with Worker(
        client,
        task_queue=queue,
        workflows=[OneRequest],
        activities=[requests.send],
        workflow_runner=UnsandboxedWorkflowRunner(),
    ):
        given = await client.execute_workflow(OneRequest.run, request, id=queue, task_queue=queue)
    return HttpResponse.model_validate(given)


@pytest.mark.parametrize(
    ("first", "effect"),
    [(nothing, "unknown"), (answer(status="500 Oops"), "unknown"), (answer(status="429 Busy"), None)],
)
async def test_a_doubt_about_one_attempt_outlives_the_next_on_a_real_server(client: Client, first: Any, effect: Any):
    async with running(first, answer(status="409 Conflict")) as server:
        with pytest.raises(WorkflowFailureError) as caught:
            await run(client, server)

    assert isinstance(caught.value.cause, ActivityError)
    error = caught.value.cause.cause
    assert isinstance(error, ApplicationError)
    assert len(server.requests) == 2
    assert (error.type, details(error)["status"], details(error).get("effect")) == ("HttpError", 409, effect)


async def test_both_attempts_on_a_real_server_carry_the_same_key_and_the_delay_is_the_server_s(client: Client):
    async with running(answer(status="503 Busy", Retry_After="1"), answer(b"done")) as server:
        began = asyncio.get_running_loop().time()
        given = await run(client, server)
        took = asyncio.get_running_loop().time() - began

    assert given.body == "done"
    first, second = (request["headers"]["idempotency-key"] for request in server.requests)
    assert first == second
    assert first.endswith(":call")
    assert took >= 1
