"""A throw-away kind of step, `email`, by the list in CONTRIBUTING: new files, and a few words in files that are there."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.harness import ROOT

TEXTS = Path(__file__).parent / "email_kind_texts"
COPIED = ("activities", "advanced_workflow", "client", "tests", "workflows", "pyproject.toml", "worker.py", "README.md")

Words = tuple[tuple[str, str], ...]
"""What is there, once, and what stands there instead."""


@dataclass(frozen=True)
class Item:
    """One item of the list."""

    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """New files: path -> name of its text."""
    words: Mapping[str, Words] = field(default_factory=dict[str, Words])
    """Changed files."""

    @property
    def paths(self) -> tuple[str, ...]:
        """The files it touches."""
        return (*self.files, *self.words)

    def do(self, copy: Path) -> None:
        """Do it in a copy of the repository."""
        for path, text in self.files.items():
            shutil.copy(TEXTS / f"{text}.txt", copy / path)
        for path, words in self.words.items():
            source = (copy / path).read_text(encoding="utf-8")
            for old, new in words:
                assert source.count(old) == 1, f"{path}: {old!r} is there {source.count(old)} times"
                source = source.replace(old, new)
            (copy / path).write_text(source, encoding="utf-8")


def copy_of_the_repository(folder: Path) -> Path:
    """What is needed to check and run the project, without what was made from it."""
    made = shutil.ignore_patterns("__pycache__", ".*")
    folder.mkdir()
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=made)
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


_FIELD = '''    """`orchestrator` steps: the graph."""
'''
_NEW_FIELD = f'''{_FIELD}    email: Annotated[
        Email | None, For(StepType.EMAIL), Needed("Add 'email' with 'to' and 'subject'."), MakesResult()
    ] = None
    """`email` steps: the message."""
'''
_SCENARIOS = "SCENARIOS: tuple[Scenario, ...] = (\n"
_NEW_SCENARIO = f"""async def email(harness: Harness) -> None:
    tell = {{"step_id": "tell", "step_type": "email", "email": {{"to": "input.to", "subject": "'Hello'"}}}}
    await finish(harness, definition(tell), {{"to": "ann@example.com"}})


{_SCENARIOS}    email,
"""
_FROM = "from advanced_workflow.workflows"
_ROW = "| `rollback` | undoes what was done so far and continues |\n"

LIST: dict[str, Item] = {
    "member": Item(
        words={
            "workflows/definition/model/step_type.py": (
                ('    ROLLBACK = "rollback"\n', '    ROLLBACK = "rollback"\n    EMAIL = "email"\n'),
            )
        }
    ),
    "kind": Item(
        {"workflows/definition/kinds/email.py": "definition"},
        {
            "workflows/definition/kinds/table.py": (
                ("    conditional,\n", "    conditional,\n    email,\n"),
                ("        rollback.KIND,\n", "        rollback.KIND,\n        email.KIND,\n"),
            )
        },
    ),
    "field": Item(
        words={
            "workflows/definition/step.py": (
                (
                    f"{_FROM}.definition.kinds.human_approval import",
                    f"{_FROM}.definition.kinds.email import Email\n{_FROM}.definition.kinds.human_approval import",
                ),
                (_FIELD, _NEW_FIELD),
            )
        }
    ),
    "runner": Item(
        {"workflows/engine/kinds/email.py": "runner"},
        {
            "workflows/engine/kinds/table.py": (
                (
                    f"{_FROM}.engine.kinds.human_approval import",
                    f"{_FROM}.engine.kinds.email import run_email\n{_FROM}.engine.kinds.human_approval import",
                ),
                (
                    "    StepType.ROLLBACK: run_rollback,\n",
                    "    StepType.ROLLBACK: run_rollback,\n    StepType.EMAIL: run_email,\n",
                ),
            )
        },
    ),
    "activity": Item(
        {"activities/builtin/email.py": "activity"},
        {
            "activities/builtin/runs.py": (
                (
                    "from advanced_workflow.activities.builtin import effects\n",
                    "from advanced_workflow.activities.builtin import effects\n"
                    "from advanced_workflow.activities.builtin.email import send_email\n",
                ),
                ("ACTIVITIES = (watch_run,", "ACTIVITIES = (send_email, watch_run,"),
            )
        },
    ),
    "tests": Item({"tests/engine/kinds/test_email.py": "tests"}),
    "history": Item(words={"tests/replay/scenarios.py": ((_SCENARIOS, _NEW_SCENARIO),)}),
    "manual": Item(words={"README.md": ((_ROW, f"{_ROW}| `email` | a message to somebody |\n"),)}),
}
"""In the order of CONTRIBUTING. The history itself is recorded."""
HISTORY = "tests/replay/histories/email.json"
