"""Connecting to Temporal, by Temporal's own configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, Interceptor, Plugin
from temporalio.envconfig import ClientConfigProfile, ClientConnectConfig
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from advanced_workflow.client.errors import ConnectionFailed
from advanced_workflow.client.settings import Settings, load_settings
from advanced_workflow.client.storage import data_converter
from advanced_workflow.workflows.plain.text import one_line

DEFAULT_ADDRESS = "localhost:7233"
REFUSED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED)


async def connect(
    profile: str | None = None,
    *,
    address: str | None = None,
    namespace: str | None = None,
    settings: Settings | None = None,
    interceptors: Sequence[Interceptor] = (),
    plugins: Sequence[Plugin] = (),
    runtime: Runtime | None = None,
) -> Client:
    """Connect by `TEMPORAL_*` variables and the TOML profile; `address` and `namespace` win over both.

    The namespace is looked up, so that a client that is returned can be used. Values are plain JSON (Temporal's default
    converter); with `settings.storage` large ones are kept there, see `advanced_workflow.client.storage`.

    With `settings.otlp` the client traces what it starts, and its workers trace what they run.

    Raises:
        SettingsInvalid: the storage's folder or package is missing.
        ConnectionFailed: the profile is bad, nothing answers within `settings.connect_timeout` seconds, the namespace is
            unknown or the credentials are refused.
    """
    settings = settings or load_settings()
    converter = data_converter(settings)
    if settings.otlp is not None:
        interceptors = [_tracing(settings.otlp), *interceptors]
    config = _load_profile(profile)
    address = address or config.get("target_host") or DEFAULT_ADDRESS
    namespace = namespace or config.get("namespace") or "default"
    try:
        async with asyncio.timeout(settings.connect_timeout):
            client = await Client.connect(
                address,
                namespace=namespace,
                data_converter=converter,
                api_key=config.get("api_key"),
                tls=config.get("tls", False),
                rpc_metadata=config.get("rpc_metadata", {}),
                interceptors=interceptors,
                plugins=plugins,
                runtime=runtime,
            )
    except TimeoutError:
        raise ConnectionFailed(
            f"Temporal server {address}: no answer in {settings.connect_timeout:g} s; {_advice()}"
        ) from None
    except (RuntimeError, ValueError) as error:  # what the SDK raises for an unreachable server and for a bad address
        raise ConnectionFailed(f"Temporal server {address}: {_short(error)}; {_advice()}") from error
    await _require_namespace(client, address, settings.connect_timeout)
    return client


def _tracing(endpoint: str) -> Interceptor:
    # Importing OpenTelemetry and gRPC takes half a second, which only those who trace should pay.
    from advanced_workflow.client.telemetry.tracing import otlp_tracing

    return otlp_tracing(endpoint)


def _load_profile(profile: str | None) -> ClientConnectConfig:
    try:
        return ClientConfigProfile.load(profile).to_client_connect_config()
    except OSError as error:  # of certificates and keys
        raise ConnectionFailed(
            f"Temporal profile {profile or 'default'!r}: {error.filename} cannot be read ({one_line(error.strerror)}); correct "
            "the TEMPORAL_TLS_... variable or the profile that names it."
        ) from error
    except Exception as error:  # the SDK's ConfigError is not exported
        reason = one_line(error)
        raise ConnectionFailed(
            f"Temporal profile {profile or 'default'!r}: {reason}; correct the file that TEMPORAL_CONFIG_FILE names, "
            "or list the profiles with 'temporal config list'."
        ) from error


async def _require_namespace(client: Client, address: str, timeout_seconds: float) -> None:
    try:
        await client.workflow_service.describe_namespace(
            DescribeNamespaceRequest(namespace=client.namespace), timeout=timedelta(seconds=timeout_seconds)
        )
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise ConnectionFailed(
                f"namespace {client.namespace!r} does not exist on {address}; set TEMPORAL_NAMESPACE, or create it with "
                f"'temporal operator namespace create --namespace {client.namespace}'."
            ) from error
        if error.status in REFUSED:
            raise ConnectionFailed(
                f"namespace {client.namespace!r} on {address} refuses these credentials; check TEMPORAL_API_KEY or the "
                f"certificates ({error.message})."
            ) from error
        raise ConnectionFailed(f"Temporal server {address}: {error.message}; {_advice()}") from error


def _advice() -> str:
    return "is it running? 'adw dev' starts one here, TEMPORAL_ADDRESS names another."


def _short(error: Exception) -> str:
    text = str(error)
    known = {
        "Connection refused": "connection refused",
        "dns error": "the host name cannot be resolved",
        "Connection reset": "connection reset",
        "InvalidCertificate": "its certificate is not trusted",
    }
    return next((short for sign, short in known.items() if sign in text), one_line(text))
