"""The public keys that signed decisions are verified with: a JWKS (RFC 7517) in a file or at an address (`ADW_DECISION_KEYS`).

Runs ask for them when an approval opens, and when a decision names a key that they do not know: so keys can be changed under runs that
wait for months. Start arguments never bring any.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import certifi
import httpcore
from temporalio import activity

from advanced_workflow.activities.action.errors import refusal
from advanced_workflow.workflows.contract import KEYS_ACTIVITY
from advanced_workflow.workflows.contract.tokens import MOST_KEYS, DecisionKeys, is_key
from advanced_workflow.workflows.errors import UnverifiedIdentity

SETTING = "ADW_DECISION_KEYS"
_MOST_BYTES = 256 * 1024
_SECONDS_KEPT = 10
"""What an address gave, or that it failed, is not asked for again so soon, however many runs ask and decisions name keys that nobody has."""
_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")
_TIMEOUTS = {"connect": 5, "read": 5, "write": 5, "pool": 5}


class KeysMissing(UnverifiedIdentity):
    """The keys cannot be read now; the sentence says why."""


class KeySource:
    """Where one worker has its keys from."""

    def __init__(self, place: str | None = None) -> None:
        """`place` is a file, or an https address; None where decisions of this worker's runs cannot be signed."""
        self.place = place
        self._last: DecisionKeys | None = None
        self._failed: KeysMissing | None = None
        self._read_at = float("-inf")
        self._reading = asyncio.Lock()

    @activity.defn(name=KEYS_ACTIVITY)
    async def give(self) -> dict[str, Any]:
        """Give `DecisionKeys`, with a nonce of this time. Raises an `UnverifiedIdentity` that may be tried again where they cannot be read."""
        try:
            return (
                (await self.current()).model_copy(update={"nonce": secrets.token_urlsafe(12)}).model_dump(mode="json")
            )
        except UnverifiedIdentity as error:
            raise refusal(error) from None

    async def current(self) -> DecisionKeys:
        """The keys of now; of an address that does not answer, those it gave last. Raises `KeysMissing`."""
        if self.place is None:
            raise KeysMissing(f"this worker has no keys to verify signed decisions with; set {SETTING} to a JWKS file.")
        if not _is_address(self.place):
            return await asyncio.to_thread(_read_file, self.place)
        _require_safe(self.place)
        async with self._reading:
            if time.monotonic() - self._read_at > _SECONDS_KEPT:
                await self._read_address(self.place)
        if self._last is None:
            raise KeysMissing(str(self._failed))
        return self._last

    async def _read_address(self, address: str) -> None:
        try:
            self._last = parse_keys(await _fetch(address), address)
        except KeysMissing as error:
            self._failed = error
        self._read_at = time.monotonic()


def parse_keys(data: bytes, place: str) -> DecisionKeys:
    """The Ed25519 keys of a JWKS; others in it are for others. Raises `KeysMissing` where there is none, or it tells a private key."""
    try:
        listed: object = json.loads(data)["keys"]
    except (ValueError, KeyError, TypeError, RecursionError):
        raise KeysMissing(f'{SETTING}: {place} is no JWKS; it must hold {{"keys": [...]}}.') from None
    keys: dict[str, str] = {}
    for one in cast("list[object]", listed) if isinstance(listed, list) else []:
        key: Mapping[str, object] = cast("Mapping[str, object]", one) if isinstance(one, dict) else {}
        if key.get("kty") != "OKP" or key.get("crv") != "Ed25519" or key.get("use", "sig") != "sig":
            continue
        kid, public = key.get("kid"), key.get("x")
        if "d" in key:
            raise KeysMissing(f"{SETTING}: {place} holds the private key {kid!a}; publish only the public ones.")
        if not isinstance(kid, str) or not isinstance(public, str) or not is_key(public):
            raise KeysMissing(f"{SETTING}: {place} has an Ed25519 key without 'kid', or whose 'x' is no such key.")
        if kid in keys:
            raise KeysMissing(f"{SETTING}: {place} has two keys {kid!a}; give each its own 'kid'.")
        keys[kid] = public
    if not keys or len(keys) > MOST_KEYS:
        count = f"{len(keys)} Ed25519 keys" if keys else "no Ed25519 key (kty OKP)"
        raise KeysMissing(f"{SETTING}: {place} has {count}; one to {MOST_KEYS} are taken.")
    return DecisionKeys(keys=keys, read_at=int(time.time()))


def _is_address(place: str) -> bool:
    return urlsplit(place).scheme in ("http", "https")


def _require_safe(address: str) -> None:
    """Keys that come over a network without TLS could be anybody's."""
    parts = urlsplit(address)
    if parts.scheme == "http" and parts.hostname not in _THIS_MACHINE:
        raise KeysMissing(f"{SETTING}: {address} is not safe to read keys from; give an https address or a file.")


def _read_file(place: str) -> DecisionKeys:
    try:
        with Path(place).open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise KeysMissing(f"{SETTING}: {place} cannot be read ({error.strerror}).") from None
    return parse_keys(data, place)


async def _fetch(address: str) -> bytes:
    trusted = ssl.create_default_context(cafile=certifi.where())
    try:
        async with (
            httpcore.AsyncConnectionPool(ssl_context=trusted) as pool,
            pool.stream("GET", address, extensions={"timeout": _TIMEOUTS}) as response,
        ):
            if response.status != 200:
                raise KeysMissing(f"{SETTING}: {address} answered with status {response.status}.")
            data = bytearray()
            async for part in response.aiter_stream():
                data += part
                if len(data) > _MOST_BYTES:
                    raise KeysMissing(f"{SETTING}: {address} gave more than {_MOST_BYTES:,} bytes.")
            return bytes(data)
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException, OSError) as error:
        raise KeysMissing(f"{SETTING}: {address} cannot be reached ({type(error).__name__}).") from None
