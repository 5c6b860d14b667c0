"""Where models are: endpoints that the operator names (`ADW_MODEL_ENDPOINTS`), and providers that LangChain knows."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints, TypeAdapter, model_validator

from advanced_workflow.activities.agents.failures import ModelError
from advanced_workflow.activities.agents.files import read_file
from advanced_workflow.activities.builtin.http_request.secrets import PREFIX
from advanced_workflow.workflows.contract import ModelFailure
from advanced_workflow.workflows.definition.kinds.react import SCRIPTED
from advanced_workflow.workflows.definition.problems.places import listed
from advanced_workflow.workflows.plain.text import shortened

SETTING = "ADW_MODEL_ENDPOINTS"
_NAME = re.compile(r"(?P<provider>[A-Za-z][A-Za-z0-9_-]*):(?P<model>\S.*)", re.DOTALL)


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise ValueError("is not an address; give http://HOST:PORT/PATH or https://HOST/PATH")
    return value.rstrip("/")


class Endpoint(BaseModel):
    """A server that speaks a provider's protocol."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Annotated[str, AfterValidator(_web_address)]
    provider: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")] = "openai"
    """Whose protocol it speaks, as `init_chat_model` names it."""
    key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = None
    """Secret that is its key: the variable `ADW_SECRET_` and this name. It goes to `base_url` and nowhere else."""
    key_file: Path | None = None
    """Or a file that holds the key; read again for each call, so that it may change."""

    @model_validator(mode="after")
    def _one_key(self) -> Self:
        if self.key is not None and self.key_file is not None:
            raise ValueError("has both 'key' and 'key_file'; keep one of them")
        return self

    def read_key(self) -> str | None:
        """The key; None where the endpoint needs none.

        Raises:
            ModelError: it is not there.
        """
        if self.key_file is not None:
            return _key_of_file(self.key_file)
        if self.key is None:
            return None
        value = os.environ.get(PREFIX + self.key, "").strip()
        if not value:
            raise _no_key(f"set {PREFIX}{self.key} in its environment")
        return value


@dataclass(frozen=True, slots=True)
class Target:
    """Which model is meant."""

    provider: str
    """As `init_chat_model` names it."""
    model: str
    endpoint: Endpoint | None = None
    """None where the provider's own address is meant, and its own variable for the key."""


class Endpoints:
    """The endpoints of a worker, by name."""

    def __init__(self, endpoints: Mapping[str, Endpoint] | None = None) -> None:
        """Without any, only the providers that LangChain knows can be named."""
        self.by_name = dict(endpoints or {})

    @staticmethod
    def read(path: Path | None) -> Endpoints:
        """Read the endpoints; raises `ModelFileInvalid`."""
        return Endpoints(read_file(path, _TABLE, SETTING) if path else None)

    def find(self, name: str) -> Target:
        """What `PROVIDER:MODEL` stands for.

        Raises:
            ModelError: it has another form.
        """
        parts = _NAME.fullmatch(name)
        if parts is None:
            known = f" Endpoints of this worker: {listed(sorted(self.by_name))}." if self.by_name else ""
            raise ModelError(
                ModelFailure.UNKNOWN,
                f"model {shortened(name, 100)!r} has no provider before it; write PROVIDER:MODEL, such as openai:gpt-5, or "
                f"{SCRIPTED}:NAME.{known}",
            )
        endpoint = self.by_name.get(parts["provider"])
        provider = endpoint.provider if endpoint else parts["provider"]
        return Target(provider, parts["model"], endpoint)


def _endpoint_name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name) or name == SCRIPTED:
        raise ValueError("is not an endpoint's name; use letters, digits, '-' and '_', and not 'scripted'")
    return name


_TABLE = TypeAdapter(dict[Annotated[str, AfterValidator(_endpoint_name)], Endpoint])


def _key_of_file(path: Path) -> str:
    try:
        value = path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        value = ""
    if not value:
        raise _no_key(f"put it into {path}, readable for the worker")
    return value


def _no_key(fix: str) -> ModelError:
    return ModelError(ModelFailure.ACCESS_DENIED, f"the worker has no key for this endpoint; {fix}.")
