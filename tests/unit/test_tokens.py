from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from advanced_workflow.activities.worker.decision_keys import KeysMissing, KeySource, parse_keys
from advanced_workflow.workflows.contract.tokens import (
    DecisionClaims,
    StartClaims,
    UnknownKey,
    content_of_start,
    require_signature,
    require_time,
    said_of,
    unverified,
)
from advanced_workflow.workflows.errors import UnverifiedIdentity
from tests.signing import Signer, encoded, publish
from tests.unit.http_calls import answer, running

SIGNER = Signer("one", 1_000_000)
KEYS = {"one": SIGNER.public["x"]}
TOKEN = SIGNER.start("run", "type", "sam", {"amount": 7})
HEADER, BODY, SIGNATURE = TOKEN.split(".")


def verified(token: str | None, keys: dict[str, str]) -> StartClaims:
    """The claims of a token that one of these keys signed."""
    claims = unverified(token, StartClaims)
    require_signature(token or "", keys)
    return claims


def header(**fields: Any) -> str:
    return encoded(json.dumps({"alg": "Ed25519", "kid": "one", **fields}).encode())


def test_a_token_gives_its_claims() -> None:
    claims = verified(TOKEN, KEYS)

    assert (claims.sub, claims.run, claims.type) == ("sam", "run", "type")
    assert claims.content == content_of_start(None, {"amount": 7})


@pytest.mark.parametrize(
    "token",
    [
        None,
        "",
        "a",
        "a.b",
        "a.b.c.d",
        f"{HEADER}.{BODY}.",
        f"{HEADER}.{BODY}.{SIGNATURE}=",
        f"{HEADER}.{BODY}.{SIGNATURE[:-2]}",
        f"{HEADER}.{BODY}.{encoded(bytes(64))}",
        f"{HEADER} .{BODY}.{SIGNATURE}",
        f"{header(alg='none')}.{BODY}.",
        f"{header(alg='HS256')}.{BODY}.{SIGNATURE}",
        f"{header(alg='EdDSA')}.{BODY}.{SIGNATURE}",
        f"{header(crit=['exp'])}.{BODY}.{SIGNATURE}",
        f"{header(kid=7)}.{BODY}.{SIGNATURE}",
        f"{encoded(b'[]')}.{BODY}.{SIGNATURE}",
        f"{encoded(b'[' * 3000)}.{BODY}.{SIGNATURE}",
        f"{HEADER}.{encoded(b'null')}.{SIGNATURE}",
        SIGNER.token({"use": "decision"}),
        f"{HEADER}.{'A' * 9_000}.{SIGNATURE}",
        "é.è.ê",
    ],
)
def test_what_is_no_such_token_is_refused(token: str | None) -> None:
    with pytest.raises(UnverifiedIdentity):
        verified(token, KEYS)


def test_a_claim_that_stands_twice_is_refused() -> None:
    claims = json.dumps({"use": "start"})[:-1] + ', "sub": "ann", "sub": "eve"}'

    with pytest.raises(UnverifiedIdentity, match="no JSON object"):
        unverified(f"{HEADER}.{encoded(claims.encode())}.{SIGNATURE}", StartClaims)


def test_a_key_that_is_not_known_is_told_from_a_bad_signature() -> None:
    with pytest.raises(UnknownKey):
        verified(TOKEN, {})
    with pytest.raises(UnverifiedIdentity) as refused:
        verified(TOKEN, {"one": Signer("one", 0).public["x"]})
    assert not isinstance(refused.value, UnknownKey)


@pytest.mark.parametrize(("now", "why"), [(SIGNER.at - 301, "future"), (SIGNER.at + 3600, "expired")])
def test_a_token_counts_in_its_time_only(now: float, why: str) -> None:
    claims = unverified(TOKEN, StartClaims)

    require_time(claims, SIGNER.at - 300)
    require_time(claims, SIGNER.at + 3599)
    with pytest.raises(UnverifiedIdentity, match=why):
        require_time(claims, now)
    with pytest.raises(UnverifiedIdentity, match="more than a day"):
        require_time(claims.model_copy(update={"exp": claims.iat + 86_401}), SIGNER.at)


@pytest.mark.parametrize("at", [10**400, -1, 2**40])
def test_a_moment_that_nobody_can_reckon_with_is_refused(at: int) -> None:
    """An integer of JSON may have any length; what cannot be made a number of seconds would end the workflow task."""
    token = SIGNER.token(
        {
            **{name: "x" for name in ("run", "sub", "path", "digest", "said")},
            **{"use": "decision", "asked": 1, "decision": "approve", "iat": 1, "exp": 2, "auth_time": at},
        }
    )

    with pytest.raises(UnverifiedIdentity, match="auth_time"):
        unverified(token, DecisionClaims)


def test_what_is_said_is_its_json_whatever_the_order_of_keys() -> None:
    assert said_of(None, {"a": 1, "b": "ü"}, []) == said_of(None, {"b": "ü", "a": 1}, [])
    assert said_of(None, None, ["a", "b"]) != said_of(None, None, ["b", "a"])
    # Fixed, so that signers in other languages can be tried against it.
    assert said_of("fine", {"b": "ü", "a": 1}, ["finance"]) == (
        "81062c0e9f8c53ecdbb62f77c88406d8914c74d87b3b1cc2e28a73129032b9f6"
    )


PUBLIC = SIGNER.public


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ([], "no Ed25519 key"),
        ([{**PUBLIC, "crv": "X25519"}], "no Ed25519 key"),
        ([{"kty": "RSA", "kid": "one"}], "no Ed25519 key"),
        ([{**PUBLIC, "use": "enc"}], "no Ed25519 key"),
        ([{**PUBLIC, "d": "secret"}], "private key 'one'"),
        ([{**PUBLIC, "kid": None}], "without 'kid'"),
        ([{**PUBLIC, "x": "AAAA"}], "no such key"),
        ([PUBLIC, PUBLIC], "two keys 'one'"),
        ([{**PUBLIC, "kid": str(number)} for number in range(101)], "101 Ed25519 keys"),
        ("text", "no Ed25519 key"),
        ([7], "no Ed25519 key"),
    ],
)
def test_a_key_set_that_cannot_be_used_is_told(keys: Any, why: str) -> None:
    with pytest.raises(KeysMissing, match=why) as told:
        parse_keys(json.dumps({"keys": keys}).encode(), "keys.json")
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"7", b"\xff", b'{"keys": 7}'])
def test_what_is_no_key_set_is_told(data: bytes) -> None:
    with pytest.raises(KeysMissing, match=r"keys\.json"):
        parse_keys(data, "keys.json")


def test_other_keys_of_a_set_are_left_out() -> None:
    mixed = {"keys": [{"kty": "RSA", "kid": "old"}, PUBLIC]}

    assert parse_keys(json.dumps(mixed).encode(), "keys.json").keys == KEYS


async def test_a_file_is_read_again_each_time(tmp_path: Path) -> None:
    source = KeySource(publish(tmp_path / "keys.json", SIGNER))
    assert (await source.current()).keys == KEYS
    newer = Signer("two", 0)
    publish(tmp_path / "keys.json", newer)
    assert (await source.current()).keys == {"two": newer.public["x"]}


async def test_without_keys_or_their_file_the_sentence_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(KeysMissing, match="set ADW_DECISION_KEYS"):
        await KeySource().current()
    with pytest.raises(KeysMissing, match="No such file"):
        await KeySource(str(tmp_path / "none.json")).current()


def key_set(*signers: Signer) -> bytes:
    return answer(json.dumps({"keys": [one.public for one in signers]}).encode())


async def test_an_address_is_asked_again_and_what_it_gave_last_stays_where_it_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("advanced_workflow.activities.worker.decision_keys._SECONDS_KEPT", -1)
    newer = Signer("two", 0)
    async with running(key_set(SIGNER), answer(b"no", "500 Oops"), answer(b"[]"), key_set(newer)) as server:
        source = KeySource(f"http://127.0.0.1:{server.port}/keys")
        given = [(await source.current()).keys for _ in range(4)]

    assert given == [KEYS, KEYS, KEYS, {"two": newer.public["x"]}]


async def test_an_address_is_not_asked_for_each_unknown_key() -> None:
    async with running(key_set(SIGNER)) as server:
        source = KeySource(f"http://127.0.0.1:{server.port}/keys")
        for _ in range(3):
            await source.current()

    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("first", "why"),
    [(answer(b"no", "404 Gone"), "status 404"), (answer(b"x" * 300_000), "more than"), (b"", "reached")],
)
async def test_an_address_that_gives_no_keys_is_told(first: bytes, why: str) -> None:
    async with running(first) as server:
        with pytest.raises(KeysMissing, match=why):
            await KeySource(f"http://127.0.0.1:{server.port}/keys").current()


async def test_an_address_that_fails_is_not_asked_for_each_run() -> None:
    async with running(answer(b"no", "500 Oops")) as server:
        source = KeySource(f"http://127.0.0.1:{server.port}/keys")
        for _ in range(3):
            with pytest.raises(KeysMissing, match="status 500"):
                await source.current()

    assert len(server.requests) == 1


async def test_each_time_the_keys_are_given_with_another_nonce(tmp_path: Path) -> None:
    source = KeySource(publish(tmp_path / "keys.json", SIGNER))
    given = [await source.give() for _ in range(2)]

    assert [one["keys"] for one in given] == [KEYS, KEYS]
    assert given[0]["nonce"] != given[1]["nonce"]


async def test_keys_are_not_read_over_a_network_without_tls() -> None:
    with pytest.raises(KeysMissing, match="https"):
        await KeySource("http://keys.example/jwks").current()
