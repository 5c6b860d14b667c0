"""What people type: data, and names of definitions or files."""

from __future__ import annotations

import codecs
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems, errors_of
from advanced_workflow.workflows.errors import DataInvalid
from advanced_workflow.workflows.plain.strict_json import require_json
from advanced_workflow.workflows.plain.text import shortened

if TYPE_CHECKING:
    from advanced_workflow.workflows.definition.check.catalog import ActionCatalog
    from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow

SUFFIXES = frozenset({".yaml", ".yml", ".json"})
JSON_STARTS = ("{", "[", '"')
BOM = "\ufeff"
"""The mark that some editors put before a text."""
_MOST_SHOWN = 60
"""Characters of what was typed that a sentence shows."""
_WIDE = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)


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
    # Not what a command needs that reads no definition, and much to load.
    from advanced_workflow.workflows.definition.check.check import check_text
    from advanced_workflow.workflows.definition.text.load import parse, read_text

    text = read_text(Path(name))
    problems = errors_of(check_text(text, name, actions))
    if problems:
        raise DefinitionProblems(name, problems)
    return parse(text, source=name).workflow


def read_input(text: str | None) -> JsonValue:
    """Read `--input`: `-` is standard input, JSON is itself, anything else is a file's name, also after `@`.

    Raises:
        DataInvalid: it is not JSON, or there is no such file.
    """
    if text is None:
        return None
    if text in ("-", "@-"):
        return _stdin("--input")
    if text.lstrip(f" \t\r\n{BOM}").startswith(JSON_STARTS):
        return _json(text, "--input")
    if text.startswith("@"):
        return _file(text[1:])
    return _file(text) if not _is_scalar(text) or _exists(text) else _json(text, "--input")


def read_json_option(text: str | None, option: str) -> JsonValue:
    """Read an option that is JSON itself; `-` is standard input. Raises `DataInvalid`."""
    if text == "-":
        return _stdin(option)
    return None if text is None else _json(text, option)


def _is_scalar(text: str) -> bool:
    """Whether it is a number, true, false or null, or was meant as one, and not a file's name."""
    word = text.strip()
    return word in ("true", "false", "null", "NaN", "Infinity", "-Infinity") or (
        word.lstrip("+-")[:1].isdigit() and not set(word) - set("+-.0123456789eE")
    )


def _exists(name: str) -> bool:
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def _file(name: str) -> JsonValue:
    try:
        data = Path(name).read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        shown = shortened(name, _MOST_SHOWN)
        raise DataInvalid(
            f"--input {shown!r} is neither JSON nor a file that can be read ({reason}); give JSON, a file or '-'."
        ) from None
    return _json(_text(data, name), name)


def _stdin(option: str) -> JsonValue:
    return _json(_text(sys.stdin.buffer.read(), f"{option} -"), f"{option} -")


def _text(data: bytes, source: str) -> str:
    """The text that a file or a pipe gives."""
    wide = next((name for mark, name in _WIDE if data.startswith(mark)), None)
    try:
        if wide is None:
            return data.decode()
    except UnicodeDecodeError:
        pass
    raise DataInvalid(f"{source} is {wide or 'not UTF-8'} text; save or send it as UTF-8.") from None


def _json(text: str, what: str) -> JsonValue:
    """Read JSON that a person wrote: a key that is there twice is a mistake, and so is a number that nothing can hold."""
    text = text.removeprefix(BOM)
    if not text.strip():
        raise DataInvalid(f"{what} is empty; give JSON, such as {{}}.")
    try:
        value = json.loads(
            text, parse_constant=_refuse_constant, parse_int=_integer, parse_float=_number, object_pairs_hook=_object
        )
    except RecursionError:
        raise DataInvalid(f"{what} is nested too deeply; pass flatter data.") from None
    except ValueError as error:
        raise DataInvalid(f"{what} is not valid JSON ({error}); correct it.") from None
    require_json(value, what)
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _integer(text: str) -> int:
    digits = len(text.lstrip("-"))
    if digits > 400:  # Python refuses to read much longer ones, and no number of 64 bits is a tenth of that.
        raise ValueError(f"a number has {digits:,} digits; pass it as a string")
    return int(text)


def _number(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {shortened(text, _MOST_SHOWN)} is too large; pass it as a string")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"the key {shortened(twice, _MOST_SHOWN)!r} is there twice")
    return made
