"""`adw` in processes of its own, with standard streams that are in another encoding, closed, or full."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.forking import ROOT

DEFINITION = 'workflow_id: one\nname: "Größe ✔"\nsteps: [{step_id: a, name: "Größe ✔", action: act}]\n'


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "one.yaml"
    path.write_text(DEFINITION, encoding="utf-8")
    return str(path)


def run(command: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    """In a shell, which closes and redirects streams as users do."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("ADW_", "TEMPORAL_", "LC_", "LANG"))
    }
    adw = f"{sys.executable} -m advanced_workflow.client.cli"
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command.replace("adw ", f"{adw} ", 1)],
        capture_output=True,
        check=False,
        env={**kept, "PYTHONPATH": str(ROOT), **variables},
    )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_an_encoding_lacks_is_written_as_escapes(file: str, encoding: str) -> None:
    drawn = run(f"adw graph {file}", PYTHONIOENCODING=encoding)
    told = run(f"adw graph {file} --json", PYTHONIOENCODING=encoding)

    assert (drawn.returncode, drawn.stderr) == (0, b"")
    assert b"\\u2714" in drawn.stdout
    assert "Größe ✔" in json.loads(told.stdout.decode(encoding))["mermaid"]


@pytest.mark.parametrize(
    ("command", "code", "sentence"),
    [
        ("adw schema > /dev/full", 6, "No space left on device"),
        ("adw schema >&-", 6, "Bad file descriptor"),
        ("adw --help > /dev/full", 6, "No space left on device"),
        ("adw start one --input - <&-", 2, "--input - is empty"),
        ("adw schema --nonsense --json > /dev/full", 2, "No such option: --nonsense"),
    ],
)
def test_a_stream_that_cannot_be_used_is_one_sentence(command: str, code: int, sentence: str) -> None:
    done = run(command)

    assert done.returncode == code
    assert done.stderr.startswith(b"adw: ")
    assert sentence in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_nobody_is_told_where_nobody_listens() -> None:
    assert run("adw nonsense 2>&-").returncode == 2
    assert run("adw nonsense 2> /dev/full").returncode == 2
    left = run("adw schema | head -c 1")
    assert (left.returncode, left.stdout, left.stderr) == (141, b"{", b"")
