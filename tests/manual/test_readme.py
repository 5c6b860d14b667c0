"""README, done as a reader does it: every block in order, in an empty folder beside a clone."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from advanced_workflow.client.cli.app import COMMANDS
from advanced_workflow.client.ports import find_free_ports
from advanced_workflow.client.settings import Settings
from advanced_workflow.workflows.definition.model.step_type import StepType
from tests.manual.installing import ROOT, clean_environment, link_libraries
from tests.manual.reader import Reader, anchors_of, blocks_of, links_of

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture
async def reader(tmp_path: Path) -> AsyncGenerator[Reader]:
    """A reader whose machine has the packages that ours needs, so that nothing is fetched, and free ports for the server."""
    (tmp_path / "project").mkdir()
    (tmp_path / "advanced-workflow").symlink_to(ROOT)
    libraries = link_libraries(tmp_path / "libraries")
    port, ui_port = find_free_ports(2)
    variables = {
        **clean_environment(),
        "PYTHONPATH": str(libraries),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # As pip reads it: no isolation, the build takes what is installed.
        "TEMPORAL_ADDRESS": f"127.0.0.1:{port}",
    }
    targets = re.findall(r"^(\w+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    reader = Reader(tmp_path / "project", variables, frozenset(targets), f"--port {port} --ui-port {ui_port}")
    yield reader
    await reader.close()


@pytest.mark.timeout(1800)  # A slow machine takes many times the 20 s of a quiet one.
async def test_every_block_does_what_the_text_around_it_says(reader: Reader) -> None:
    await reader.follow(README)

    said = "\n".join(reader.outputs)
    assert "no problems in 1 file" in said
    assert "return_payment  undone for pay" in said
    assert "{'payment': 'pay-o3'}" in said
    assert '"by":"ann"' in said.replace(" ", "")
    assert "staff-discounts" in said
    assert (reader.folder / ".adw" / "dev.db").exists()


BROKEN = {
    "a command that fails": ("```sh\ntrue\nfalse\ntrue\n```", "block at line 1 fails with 1"),
    "a command that is missing": ("Text.\n\n```sh\nadw-nothing\n```", "block at line 3 fails with 127"),
    "a pipe that fails": ("```sh\nfalse | true\n```", "fails with 1"),
    "a file without a name": ("```python\nprint(1)\n```", "a comment with the file's name"),
    "an excerpt that differs": (
        "```go\n// tests/partners/go/worker.go\nbook()\n```",
        "is no part of tests/partners/go",
    ),
    "an excerpt of nothing": ("```ts\nbook();\n```", "the file that it is from"),
    "a language nobody knows": ("```toml\na = 1\n```", "nobody knows what to do with 'toml'"),
    "a target that is missing": ("```sh\nmake demo  # it runs\nmake cake\n```", "the Makefile has no such target"),
    "a program that fails": ("```python\n# a.py\n1 / 0\n```\n\n```sh\npython a.py\n```", "ZeroDivisionError"),
    "a variable of another terminal": ("```sh\nexport A=1\n```\n```sh\ntest $A = 2\n```", "block at line 4 fails"),
}


@pytest.mark.parametrize(("manual", "complaint"), BROKEN.values(), ids=BROKEN)
async def test_a_broken_block_is_found(tmp_path: Path, manual: str, complaint: str) -> None:
    (tmp_path / "project").mkdir()
    reader = Reader(tmp_path / "project", clean_environment(), frozenset({"demo"}))

    with pytest.raises(AssertionError, match=re.escape(complaint)):
        await reader.follow(f"{manual}\n")


async def test_what_a_terminal_exports_and_writes_stays(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    reader = Reader(tmp_path / "project", clean_environment())

    await reader.follow(
        "```yaml\n# sub/a.yaml\na: 1\n```\n```sh\nexport A=b\n```\n```sh\ncat sub/a.yaml\necho $A\n```\n"
    )

    assert reader.outputs[-1] == "# sub/a.yaml\na: 1\nb\n"


def test_links_lead_to_files_and_headings() -> None:
    inside = [link for link in links_of(README) if not link.startswith("https://")]

    assert [link for link in inside if link.startswith("#") and link not in anchors_of(README)] == []
    assert [link for link in inside if not link.startswith("#") and not (ROOT / link).exists()] == []
    assert len(inside) > 15


def test_the_contents_list_every_section() -> None:
    sections = re.findall(r"^## (.+)$", README, re.MULTILINE)

    assert re.findall(r"^- \[(.+)\]\(#", README, re.MULTILINE) == sections


def test_commands_and_settings_that_are_named_exist() -> None:
    commands = {command.name for command in COMMANDS}
    named = set(re.findall(r"\badw ([a-z]+(?:-[a-z]+)*)\b", README))
    settings = {f"ADW_{name.upper()}" for name in Settings.model_fields}

    assert named <= commands
    assert len(named) > 10
    assert set(re.findall(r"\bADW_[A-Z_]+\b", README)) - settings <= {"ADW_SECRET_NAME"}


def test_every_step_type_that_can_run_is_in_the_table() -> None:
    rows = [line.split("|")[1] for line in README.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert {kind.value for kind in StepType} <= named


def test_limits_come_before_the_figures() -> None:
    assert README.index("\n## Limits") < README.index("\n## Performance")


def test_blocks_are_found_with_their_lines() -> None:
    assert [(one.line, one.language) for one in blocks_of("a\n\n```sh\nls\n```\n\n```python\n1\n```\n")] == [
        (3, "sh"),
        (7, "python"),
    ]
