"""Signing as an inbox does, for tests: keys, tokens, and the file of public keys that workers read."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from advanced_workflow.workflows.contract import Json, PendingApproval
from advanced_workflow.workflows.contract.tokens import content_of_start, said_of


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Signer:
    """One private key; `at` is the second of Unix time at which it signs."""

    kid: str
    at: int
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def public(self) -> dict[str, str]:
        """As a JWK."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "kid": self.kid,
            "x": encoded(self.key.public_key().public_bytes_raw()),
        }

    def token(self, claims: Json, **header: Any) -> str:
        """Any claims as a compact JWS."""
        parts = [{"alg": "Ed25519", "kid": self.kid, **header}, claims]
        text = ".".join(encoded(json.dumps(one).encode()) for one in parts)
        return f"{text}.{encoded(self.key.sign(text.encode()))}"

    def decision(
        self,
        run: str,
        pending: PendingApproval,
        sub: str,
        decision: str = "approve",
        *,
        comment: str | None = None,
        form: Json = None,
        groups: list[str] | None = None,
        **changed: Any,
    ) -> str:
        """The token of a decision; `changed` claims are as the test has them, and None leaves one out."""
        claims = {
            "use": "decision",
            "run": run,
            "path": pending.path,
            "digest": pending.digest,
            "asked": pending.asked,
            "sub": sub,
            "decision": decision,
            "said": said_of(comment, form, groups or []),
            **self._times,
            **changed,
        }
        return self.token({name: value for name, value in claims.items() if value is not None})

    def start(self, run: str, type: str, sub: str, input_data: Json = None, definition: Json = None) -> str:
        """The token of a start."""
        content = content_of_start(definition, input_data)
        return self.token(
            {"use": "start", "run": run, "type": type, "sub": sub, "content": content, "amr": [], **self._times}
        )

    @property
    def _times(self) -> dict[str, int]:
        return {"iat": self.at, "exp": self.at + 3600}


def publish(place: Path, *signers: Signer) -> str:
    """Write the keys that count now; gives the place as the setting names it."""
    place.write_text(json.dumps({"keys": [one.public for one in signers]}))
    return str(place)
