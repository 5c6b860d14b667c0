from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpcore
import pytest

from advanced_workflow.activities.action.errors import ActionError
from advanced_workflow.activities.builtin.http_request import HttpPolicy, HttpPolicyInvalid, HttpRequests
from advanced_workflow.activities.builtin.http_request.addresses import is_public
from tests.unit.http_calls import environment, failure, never, resolver, running, send

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


async def test_a_run_that_brought_its_definition_calls_only_hosts_listed_for_such():
    made = environment()
    made.info = replace(made.info, workflow_type="AdvancedWorkflow")
    async with running() as server:
        policy = replace(server.policy, ad_hoc_hosts=("other.test",))
        error = await failure(server, policy=policy, env=made)
        await send(server, policy=policy)  # of a registered definition
        await send(server, policy=replace(policy, ad_hoc_hosts=(f"hooks.test:{server.port}",)), env=made)

    assert error.type == "HttpRefused"
    assert "ADW_AD_HOC_HOSTS" in error.message
    assert len(server.requests) == 2
