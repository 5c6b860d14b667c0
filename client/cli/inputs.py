"""What people type: data, and names of definitions or files."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from pydantic import JsonValue

from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
from advanced_workflow.workflows.definition.check.check import check_text
from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems, errors_of
from advanced_workflow.workflows.definition.text.load import parse, read_text
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain.strict_json import decode

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
JSON_STARTS = ("{", "[", '"')


def is_file(name: str) -> bool:
    """Whether a word names a definition's file and not a registered definition."""
    path = Path(name)
    if path.suffix in SUFFIXES:
        return True
    try:
        return path.is_file()
    except (OSError, ValueError):  # No file can have this name.
        return False


def read_valid(name: str, actions: ActionCatalog | None = None) -> AdvancedWorkflow:
    """Read and check a definition's file.

    Raises:
        DefinitionProblems: it has errors.
    """
    text = read_text(Path(name))
    problems = errors_of(check_text(text, name, actions))
    if problems:
        raise DefinitionProblems(name, problems)
    return parse(text, source=name).workflow


def read_input(text: str | None) -> JsonValue:
    """Read `--input`: `-` is standard input, JSON is itself, anything else is a file's name.

    Raises:
        DataInvalid: it is not JSON, or there is no such file.
    """
    if text is None:
        return None
    if text == "-":
        return _stdin("--input")
    if text.lstrip().startswith(JSON_STARTS):
        return decode(text, "--input")
    try:
        data = Path(text).read_bytes()
    except (OSError, ValueError) as error:
        with contextlib.suppress(DataInvalid):
            return decode(text, "--input")  # A number, true, false or null.
        reason = getattr(error, "strerror", None) or error
        raise DataInvalid(
            f"--input {text!r} is neither JSON nor a file that can be read ({reason}); give JSON, a file or '-'."
        ) from None
    return decode(_text(data, text), text)


def _stdin(option: str) -> JsonValue:
    return decode(_text(sys.stdin.buffer.read(), f"{option} -"), f"{option} -")


def _text(data: bytes, source: str) -> str:
    """The text that a file or a pipe gives, without the mark that some editors put before it."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataInvalid(f"{source} is not UTF-8 text; save or send it as UTF-8.") from None


def read_json_option(text: str | None, option: str) -> JsonValue:
    """Read an option that is JSON itself; `-` is standard input. Raises `DataInvalid`."""
    if text == "-":
        return _stdin(option)
    return None if text is None else decode(text, option)
