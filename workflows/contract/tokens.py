"""Signed words of people: what a token of a start or a decision says, and who signed it.

A token is a compact JWS (RFC 7515) with `alg: Ed25519` (RFC 9864) and a `kid`; its payload are the claims below. Whoever holds a private
key to one of the worker's `decision_keys` vouches for `sub`: an inbox that people log in to, or a signing service of the company.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Annotated, Literal, TypeVar, cast

from pydantic import Field, JsonValue, ValidationError

from advanced_workflow.workflows.contract.wire import Json, WireModel
from advanced_workflow.workflows.errors import UnverifiedIdentity
from advanced_workflow.workflows.plain.misfits import places
from advanced_workflow.workflows.plain.strict_json import encode

ALGORITHM = "Ed25519"
LONGEST_TOKEN = 8_000
"""Characters."""
LONGEST_LIFE_SECONDS = 86_400
"""Between `iat` and `exp`: a day."""
SKEW_SECONDS = 300
"""By which the clock of whoever signs may be ahead."""
MOST_KEYS = 100
KEY_BYTES = 32


Moment = Annotated[int, Field(ge=0, lt=2**40)]
"""A second of Unix time. What is no such number cannot be reckoned with: an integer of JSON may have any length."""


class Signed(WireModel):
    """What every token says; other claims (`iss`, `jti`) are not looked at."""

    run: str
    """The Temporal workflow id."""
    sub: str
    """Who says it; the same as `approver` or `started_by`."""
    iat: Moment
    """When it was signed."""
    exp: Moment
    """Until when it counts; a day after `iat` at most."""


class DecisionClaims(Signed):
    """Payload of the `token` of a decision. What it leaves out it does not vouch for, so that nothing may be left out."""

    use: Literal["decision"]
    path: str
    """Path of the step."""
    digest: str
    """Of what is asked: see `PendingApproval.digest`."""
    asked: int
    """The number of the asking: see `PendingApproval.asked`."""
    decision: Literal["approve", "reject"]
    said: str
    """`said_of` comment, form and groups."""
    amr: list[str] = Field(default_factory=list)
    """How the person logged in, as RFC 8176 names it: `pwd`, `otp`, `hwk`, ..."""
    auth_time: Moment | None = None
    """When the person logged in."""


class StartClaims(Signed):
    """Payload of the `token` in the options of a start."""

    use: Literal["start"]
    type: str
    """The workflow type."""
    content: str
    """`content_of_start`."""


class DecisionKeys(WireModel):
    """The public keys that decisions are verified with now, as a worker tells a run, which pins them."""

    keys: dict[str, str] = Field(default_factory=dict)
    """By `kid`: the `x` of the JWK, which are the 32 bytes of an Ed25519 key in base64url."""
    read_at: int = 0
    """When the worker read them, in seconds of Unix time."""
    nonce: str = ""
    """Another one each time: it goes into the digest of what is asked then, so that a run which is reset to before asks anew."""


def is_key(public: str) -> bool:
    """Whether this can be the `x` of an Ed25519 key."""
    try:
        return len(_bytes(public, "key")) == KEY_BYTES
    except UnverifiedIdentity:
        return False


class UnknownKey(UnverifiedIdentity):
    """The run does not know the key; it may be newer than those it pinned."""


def said_of(comment: str | None, form: JsonValue, groups: list[str]) -> str:
    """What a decision says beside its word: the sha256 (hex) of `[comment, form, groups]` as they are sent.

    That is their JSON with sorted keys, no spaces, and every character beyond ASCII escaped; `groups` is `[]` where there are none.
    """
    return _digest([comment, form, groups])


def content_of_start(definition: Json, input_data: Json) -> str:
    """What a start asks for: the sha256 (hex) of `[definition, input_data]`, as `said_of`; the definition is null for a registered type."""
    return _digest([definition, input_data])


Claims = TypeVar("Claims", bound=Signed)


def require_signature(token: str, keys: Mapping[str, str]) -> None:
    """Check who signed a token that `unverified` has read.

    Raises:
        UnknownKey: its `kid` is none of `keys`.
        UnverifiedIdentity: it is not signed by that key.
    """
    header, body, signature = token.split(".")
    kid = _kid(_object(header, "header"))
    if kid not in keys:
        raise UnknownKey(f"the token is signed with the key {kid[:60]!a}, which this run does not know.")
    if not _is_signed(keys[kid], f"{header}.{body}".encode(), _bytes(signature, "signature")):
        raise UnverifiedIdentity(f"the token is not signed with the key {kid[:60]!a} that it names.")


def unverified(token: str | None, claims: type[Claims]) -> Claims:
    """The claims of a token, whoever signed it. Raises `UnverifiedIdentity` where it is missing or no such token."""
    if not token:
        raise UnverifiedIdentity("it must be signed, and carries no 'token'; use the inbox, or sign it.")
    if len(token) > LONGEST_TOKEN or token.count(".") != 2:
        raise UnverifiedIdentity(f"the token is no compact JWS of at most {LONGEST_TOKEN:,} characters.")
    header, body, _ = token.split(".")
    _kid(_object(header, "header"))
    try:
        return claims.model_validate(_object(body, "payload"), strict=True)
    except ValidationError as error:
        raise UnverifiedIdentity(f"the token's claims do not fit: {places(error)}.") from None


def require_time(claims: Signed, now: float) -> None:
    """Raise `UnverifiedIdentity` where the token does not count at this moment (seconds of Unix time)."""
    if claims.exp - claims.iat > LONGEST_LIFE_SECONDS:
        raise UnverifiedIdentity("the token is to count for more than a day; sign one with a nearer 'exp'.")
    if claims.iat > now + SKEW_SECONDS:
        raise UnverifiedIdentity("the token is signed in the future; look at the clock of whoever signs.")
    if claims.exp <= now:
        raise UnverifiedIdentity("the token has expired; look at what is asked and sign again.")


def _kid(header: Mapping[str, Json]) -> str:
    kid = header.get("kid")
    if header.get("alg") != ALGORITHM or not isinstance(kid, str) or "crit" in header:
        raise UnverifiedIdentity(f"the token's header must have alg {ALGORITHM!r} and a 'kid', and no 'crit'.")
    return kid


def _object(part: str, what: str) -> dict[str, Json]:
    try:
        value: object = json.loads(_bytes(part, what), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise UnverifiedIdentity(f"the token's {what} is no JSON object.") from None
    if not isinstance(value, dict):
        raise UnverifiedIdentity(f"the token's {what} is no JSON object.")
    return cast("dict[str, Json]", value)


def _once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise ValueError("a key that stands twice is read one way here and another way there")
    return read


def _bytes(part: str, what: str) -> bytes:
    try:
        read = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        raise UnverifiedIdentity(f"the token's {what} is no base64url.") from None
    if base64.urlsafe_b64encode(read).rstrip(b"=").decode() != part:  # One token has one spelling.
        raise UnverifiedIdentity(f"the token's {what} is no base64url.")
    return read


def _is_signed(key: str, message: bytes, signature: bytes) -> bool:
    # Only where decisions are signed: loading it takes longer than a command may.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(_bytes(key, "key")).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _digest(parts: list[Json]) -> str:
    return hashlib.sha256(encode(parts, "what is signed")).hexdigest()
