from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from advanced_workflow.activities.builtin.http_request import HttpPolicy
from tests.unit.http_calls import failure, running, send


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
