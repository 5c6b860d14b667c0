from __future__ import annotations

import base64
import html
import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from advanced_workflow.activities.builtin.http_request import HttpPolicy, HttpPolicyInvalid
from advanced_workflow.activities.builtin.http_request.masking import Mask
from tests.unit.http_calls import answer, details, environment, failure, never, running, send

ANYWHERE = HttpPolicy(secrets=("NONE=example.com", "TWO_LINES=example.com"))


async def test_a_secret_is_filled_in_and_hidden_again_where_the_server_repeats_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADW_SECRET_TOKEN", 'to"ken-1\n')
    monkeypatch.setenv("ADW_SECRET_USER", "to")
    echo = json.dumps({"you sent": 'Bearer to"ken-1 to'}).encode()
    async with running(
        answer(echo, Content_Type="application/json", X_Echo='to"ken-1'), secrets=("TOKEN", "USER")
    ) as server:
        given = await send(server, headers={"Authorization": "Bearer {{secret:TOKEN}} {{ secret:USER }}"})

    assert server.requests[0]["headers"]["authorization"] == 'Bearer to"ken-1 to'
    assert given.body == {"you sent": "Bearer {{secret:TOKEN}} {{secret:USER}}"}
    assert given.headers["x-echo"] == "{{secret:TOKEN}}"


async def test_a_secret_is_not_in_the_error_though_the_server_repeats_it(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADW_SECRET_TOKEN", "s3cret" * 4)
    body = b"x" * 1990 + b"s3cret" * 4 + b"!" * 9000
    async with running(answer(body, status="401 Unauthorized"), secrets=("TOKEN",)) as server:
        error = await failure(server, headers={"X-Token": "{{secret:TOKEN}}"})

    assert "s3cret" not in repr((error.message, error.details, str(error)))
    assert details(error)["body"] == "x" * 1990 + "{{secret:T"


@pytest.mark.parametrize("value", [None, "", " \n"])
async def test_a_secret_the_worker_does_not_have_names_the_variable(value: str | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADW_SECRET_NONE", value) if value is not None else monkeypatch.delenv(
        "ADW_SECRET_NONE", raising=False
    )
    error = await failure(url="https://example.com/", headers={"A": "{{secret:NONE}}"}, resolver=never, policy=ANYWHERE)

    assert (error.type, error.non_retryable) == ("SecretMissing", True)
    assert "set ADW_SECRET_NONE in its environment" in error.message


async def test_a_secret_s_name_reaches_no_other_variable():
    error = await failure(url="https://example.com/", headers={"A": "{{secret:../PATH}}"}, resolver=never)

    assert error.type == "HttpRefused"


async def test_a_secret_that_cannot_be_a_header_value_is_not_shown(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADW_SECRET_TWO_LINES", "first\nsecond")
    error = await failure(
        url="https://example.com/", headers={"A": "{{secret:TWO_LINES}}"}, resolver=never, policy=ANYWHERE
    )

    assert error.type == "HttpRefused"
    assert "first" not in str(error)


async def test_no_secret_is_read_for_a_host_that_is_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("ADW_SECRET_NONE", raising=False)
    error = await failure(url="http://example.com/", headers={"A": "{{secret:NONE}}"}, resolver=never)

    assert error.type == "HttpRefused"


@pytest.mark.parametrize(
    ("bound", "url"),
    [
        ((), "https://api.test/x"),
        (("OTHER=api.test",), "https://api.test/x"),
        (("TOKEN=api.test:8443",), "https://api.test/x"),
        (("TOKEN=api.test",), "https://api.test:8443/x"),
        (("TOKEN=api.test",), "https://evil.api.test/x"),
        (("TOKEN=api.test",), "https://api.test.evil/x"),
        (("TOKEN=api.test",), "http://api.test/x"),
        (("TOKEN=api.test:80",), "http://api.test/x"),
        (("TOKEN=http://api.test:443",), "https://api.test/x"),
    ],
)
async def test_a_secret_goes_nowhere_but_where_it_is_bound(
    bound: tuple[str, ...], url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ADW_SECRET_TOKEN", "s3cret-value")
    policy = HttpPolicy(allowed_hosts=("api.test",), secrets=bound)
    error = await failure(url=url, policy=policy, headers={"A": "Bearer {{secret:TOKEN}}"}, resolver=never)

    origin = url.removesuffix("/x")
    assert (error.type, error.non_retryable) == ("SecretRefused", True)
    assert f"add 'TOKEN={origin}' to ADW_SECRETS on the worker" in error.message


@pytest.mark.parametrize(
    ("bound", "goes"),
    [
        ("", True),
        ("@test", True),
        ("@test/call", True),
        ("@AdvancedWorkflow", False),
        ("@other/call", False),
        ("@test/ship", False),
    ],
)
async def test_a_secret_may_be_for_some_runs_and_steps_alone(bound: str, goes: bool, monkeypatch: pytest.MonkeyPatch):
    """Whoever writes a definition of their own can name the host, and the secret, and not the type of a registered run."""
    monkeypatch.setenv("ADW_SECRET_TOKEN", "token-1")
    async with running() as server:
        policy = HttpPolicy((f"hooks.test:{server.port}",), secrets=(f"TOKEN=http://hooks.test:{server.port}{bound}",))
        asked: dict[str, Any] = {"policy": policy, "headers": {"Authorization": "{{secret:TOKEN}}"}}
        if goes:
            await send(server, **asked)
        else:
            error = await failure(server, **asked)
            assert (error.type, "for step 'call' of 'test'; if it may, add" in error.message) == ("SecretRefused", True)

    assert [one["headers"]["authorization"] for one in server.requests] == (["token-1"] if goes else [])


@pytest.mark.parametrize(
    ("bound", "goes"), [("look.sub.tell", True), ("look.tell", False), ("tell", False), ("look", False)]
)
async def test_a_tool_of_an_agent_has_no_secret_of_a_step_that_is_called_like_it(
    bound: str, goes: bool, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("ADW_SECRET_TOKEN", "token-1")
    env = environment()
    env.info = replace(env.info, activity_id="look[2].sub#0[1].tell#3")
    async with running() as server:
        place = f"hooks.test:{server.port}"
        policy = HttpPolicy((place,), secrets=(f"TOKEN=http://{place}@test/{bound}",))
        asked: dict[str, Any] = {"policy": policy, "headers": {"Authorization": "{{secret:TOKEN}}"}, "env": env}
        asked["tool"] = "look.sub.tell"
        if goes:
            await send(server, **asked)
        else:
            assert (await failure(server, **asked)).type == "SecretRefused"


def test_a_binding_that_could_never_hold_is_refused():
    for entry in (
        "TOKEN",
        "TOKEN=",
        "=api.test",
        "TOKEN=ftp://api.test",
        "TOKEN=*.api.test",
        "TO-KEN=api.test",
        "TOKEN=api.test@",
        "TOKEN=api.test@a/",
        "TOKEN=api.test@a/.b",
    ):
        with pytest.raises(HttpPolicyInvalid, match="ADW_SECRETS"):
            HttpPolicy(secrets=(entry,))


async def test_a_redirect_is_an_answer_and_carries_no_secret_on(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADW_SECRET_TOKEN", "s3cret-value")
    async with running() as other:
        moved = answer(status="307 Temporary Redirect", Location=other.url)
        async with running(moved, secrets=("TOKEN",)) as server:
            given = await send(server, headers={"Authorization": "{{secret:TOKEN}}"})

        assert (given.status, other.requests) == (307, [])


SECRET = 'sk_live-9f/8A+b"c=d\\e&f<g> %41'


def _echoes(secret: str) -> Iterator[str]:
    escaped = json.dumps(secret)[1:-1]
    yield from (secret, secret.upper(), escaped, json.dumps(escaped)[1:-1], secret.replace("/", "\\/"))
    yield "".join(f"\\u{ord(one):04x}" for one in secret)
    yield "".join(f"\\x{ord(one):02X}" for one in secret)
    yield from (html.escape(secret), html.escape(html.escape(secret)), "".join(f"&#{ord(one)};" for one in secret))
    yield "".join(f"&#x{ord(one):X};" for one in secret)
    yield from (quote(secret, safe=""), quote(secret), quote(quote(secret, safe=""), safe="").lower())
    yield quote(secret, safe=" ").replace(" ", "+")
    yield from (secret.encode().hex(), secret.encode().hex(" ").upper())


def _in_base64(secret: str) -> Iterator[str]:
    for before in range(4):
        for after in range(4):
            data = b"u" * before + secret.encode() + b"z" * after
            text = base64.b64encode(data).decode()
            yield from (text, base64.urlsafe_b64encode(data).decode().rstrip("="), quote(text, safe=""))
            yield text.replace("/", "\\/").replace("=", "\\u003d")
            yield base64.encodebytes(b"u" * before + secret.encode()).decode()


@pytest.mark.parametrize("secret", [SECRET, "pass/word", "AAAAAAAAAAAA", "\\\\\\\\x", "5%41=", "a1b2c3d4e5f6"])
def test_every_way_to_write_a_secret_is_found(secret: str):
    mask = Mask(secret)
    around = set(_in_base64(secret))
    for echo in (*_echoes(secret), *around):
        text = f"<{echo}>"
        found = {place for span in mask.spans(text) for place in range(*span)}
        left = "".join(one for place, one in enumerate(text) if place not in found)
        # Of what was around it: padding, and digits that hold nothing of it.
        assert len(re.sub(r"%3D|\\u003d|[\s=]", "", left)) <= (10 if echo in around else 2), (echo, left)


@pytest.mark.parametrize(
    ("secret", "unit"),
    [("\\" * 12 + "x", "\\" * 95 + "y"), ("%" * 20, "%25"), ("&;" * 20, "&amp;;"), ("a" * 60, "a" * 59 + "b")],
)
def test_no_answer_makes_the_search_take_long(secret: str, unit: str):
    began = time.process_time()
    list(Mask(secret).spans(unit * (1_000_000 // len(unit))))

    assert time.process_time() - began < 5


async def test_the_beginning_of_a_secret_in_an_answer_that_breaks_off_is_hidden(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADW_SECRET_TOKEN", "s3cret-value")
    async with running(answer(b"you sent s3cret-v", status="500 Oh"), secrets=("TOKEN",)) as server:
        error = await failure(server, headers={"X-Token": "{{secret:TOKEN}}"})

    assert details(error)["body"] == "you sent {{secret:TOKEN}}"


async def test_a_secret_in_the_name_of_a_header_is_hidden(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ADW_SECRET_TOKEN", "S3cretValue")
    async with running(answer(S3cretValue="1"), secrets=("TOKEN",)) as server:
        given = await send(server, headers={"X-Token": "{{secret:TOKEN}}"})

    assert "s3cretvalue" not in json.dumps(given.headers).lower()
