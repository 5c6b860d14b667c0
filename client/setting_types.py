"""What the values of settings may be; any other value is refused in one sentence that says what to give."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

from advanced_workflow.workflows.plain.text import shortened

NO_STORAGE = "none"
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9a-fA-F:.]*:[0-9a-fA-F:.]*")  # a name, or an address of either version
# Stricter than the server, which refuses '.', ':' and a leading '__' in deployments only when the worker polls.
_DEPLOYMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_BUILD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_CALLER = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z_][A-Za-z0-9_-]*)?")
_LONGEST_MODEL = 200  # As definitions name them.
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def _split(separators: str) -> BeforeValidator:
    def split(value: object) -> object:
        if not isinstance(value, str):
            return value
        return [part.strip() for part in re.split(f"[{re.escape(separators)}]", value) if part.strip()]

    return BeforeValidator(split)


def _module_name(name: str) -> str:
    if not all(part.isidentifier() for part in name.split(".")):
        raise ValueError(f"{name!r} is not a module name; give dotted names separated by commas, such as acme.actions")
    return name


def _bind_address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{value!r} is not an address to listen on; give HOST:PORT, such as 127.0.0.1:9464")
    return value


def _web_address(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{value!r} is not an address; give http://HOST:PORT or https://HOST:PORT")
    return value.rstrip("/")


def _host(value: str) -> str:
    try:
        parts = urlsplit(f"//{value}")
        usable = (
            parts.netloc == value and "@" not in value and _HOST.fullmatch(parts.hostname or "") and parts.port != 0
        )
    except ValueError:  # a port that is not a number, or brackets that do not close
        usable = False
    if not usable:
        raise ValueError(f"{value!r} is not a host; give HOST or HOST:PORT separated by commas, such as intranet:8080")
    return value.lower()


def _secret_place(value: str) -> str:
    name, _, rest = value.partition("=")
    place, bound, caller = rest.partition("@")
    scheme, found, host = place.rpartition("://")
    wrong = not name.isidentifier() or not name.isascii() or (found and scheme not in ("http", "https"))
    if wrong or (bound and not _CALLER.fullmatch(caller)):
        raise ValueError(
            f"{value!r} does not say where a secret may go; give NAME=HOST or NAME=HOST:PORT, and @WORKFLOW or @WORKFLOW/STEP "
            "where not all may use it"
        )
    return f"{name}={scheme}{found}{_host(host)}{bound}{caller}"


def _storage_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        usable = not parts.query and not parts.fragment and _names_storage(parts)
    except ValueError:  # brackets that do not close
        usable = False
    if value != NO_STORAGE and not usable:
        raise ValueError(
            f"{value!r} is not a storage; give {NO_STORAGE}, file:///FOLDER, s3://BUCKET/PREFIX or gs://BUCKET/PREFIX"
        )
    return value


def _names_storage(parts: SplitResult) -> bool:
    if parts.scheme == "file":
        return not parts.netloc and parts.path.startswith("/")
    return parts.scheme in ("s3", "gs") and _BUCKET.fullmatch(parts.netloc) is not None


def _deployment_name(value: str) -> str:
    if not _DEPLOYMENT.fullmatch(value):
        raise ValueError(f"{value!r} is not a deployment; give letters, digits, '-' and '_', such as shop-workers")
    return value


def _build_id(value: str) -> str:
    if not _BUILD.fullmatch(value):
        raise ValueError(
            f"{value!r} is not a build; give letters, digits and '.', '+', '-', '_', such as 1.4.0-3f2c1a9"
        )
    return value


def _model_name(value: str) -> str:
    provider, colon, name = value.partition(":")
    if not colon or not provider.strip() or not name.strip() or len(value) > _LONGEST_MODEL:
        raise ValueError(f"{shortened(value, 100)!r} is not a model; give PROVIDER:MODEL, such as openai:gpt-5")
    return value


def _graph(value: str) -> str:
    name, equals, place = value.partition("=")
    module, colon, attribute = place.partition(":")
    words = [*module.split("."), *attribute.split(".")]
    if not (name.strip() and equals and colon and all(word.isidentifier() for word in words)):
        raise ValueError(f"{value!r} is not a graph; give NAME=MODULE:ATTRIBUTE, such as refunds=acme.graphs:refunds")
    return value


ModuleNames = Annotated[tuple[Annotated[str, AfterValidator(_module_name)], ...], NoDecode, _split(",")]
Graphs = Annotated[tuple[Annotated[str, AfterValidator(_graph)], ...], NoDecode, _split(",")]
Folders = Annotated[tuple[Path, ...], NoDecode, _split(os.pathsep + ",")]
QueueNames = Annotated[tuple[str, ...], NoDecode, _split(",")]
ActionNames = Annotated[tuple[str, ...], NoDecode, _split(",")]
ModelName = Annotated[str, AfterValidator(_model_name)]
ModelNames = Annotated[tuple[str, ...], NoDecode, _split(",")]
ServerNames = Annotated[tuple[str, ...], NoDecode, _split(",")]
Hosts = Annotated[tuple[Annotated[str, AfterValidator(_host)], ...], NoDecode, _split(",")]
SecretPlaces = Annotated[tuple[Annotated[str, AfterValidator(_secret_place)], ...], NoDecode, _split(",")]
StorageAddress = Annotated[str, AfterValidator(_storage_address)]
BindAddress = Annotated[str, AfterValidator(_bind_address)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Slots = Annotated[int, Field(ge=1, le=100_000)]
DeploymentName = Annotated[str, AfterValidator(_deployment_name)]
BuildId = Annotated[str, AfterValidator(_build_id)]
NonEmpty = Annotated[str, Field(min_length=1)]
