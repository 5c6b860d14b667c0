"""Definitions from text, files and folders. This is the one module of the package that reads files."""

from __future__ import annotations

import hashlib
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from advanced_workflow.workflows.definition.problems.codes import Code
from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems, Problem
from advanced_workflow.workflows.definition.text.json_source import read_json
from advanced_workflow.workflows.definition.text.order_of_fields import document_order
from advanced_workflow.workflows.definition.text.source_tree import MAX_BYTES, SourceInvalid, SourceTree
from advanced_workflow.workflows.definition.text.validation import validate
from advanced_workflow.workflows.definition.text.yaml_source import read_yaml
from advanced_workflow.workflows.definition.versions import AT, full_name
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.plain.strict_json import encode

LIBRARY = Path(__file__).parents[2] / "library"
"""The folder of the definitions that come with the package."""

_SUFFIXES = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True, slots=True)
class LoadedDefinition:
    """A definition and where it came from.

    `line_of` gives the 1-based line of a written place (`steps[2].action`), or of the nearest thing around it.
    """

    workflow: AdvancedWorkflow
    source: str
    line_of: Callable[[str], int | None]


def parse(text: str, *, source: str = "<text>") -> LoadedDefinition:
    """Read a definition from JSON or strict YAML 1.2.

    A source named `.json` is JSON, one named `.yaml` or `.yml` is YAML; otherwise text that starts with `{` is JSON.
    Raises `DefinitionProblems` with every problem of syntax and of single fields; `check` knows the cross-step rules.
    """
    try:
        tree = read_tree(text, source=source)
    except SourceInvalid as error:
        raise DefinitionProblems(source, [error.problem]) from None
    validated = validate(tree.data)
    if validated.problems or validated.workflow is None:
        in_order = sorted(validated.problems, key=lambda one: document_order(one.path))
        raise DefinitionProblems(source, [one.at_line(tree.line_of(one.path)) for one in in_order])
    return LoadedDefinition(validated.workflow, source, tree.line_of)


def load(path: str | Path) -> LoadedDefinition:
    """Read a definition file (UTF-8, at most 1 MB); raises `DefinitionProblems` as `parse` does."""
    return parse(read_text(Path(path)), source=str(path))


def read_text(path: Path) -> str:
    """Read a definition file's text; a missing, unreadable or too large file raises `DefinitionProblems`."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + len(BOM_UTF8) + 1)
    except (OSError, ValueError) as error:
        reason = f"the file cannot be read: {getattr(error, 'strerror', None) or error}."
        raise _file_problem(path, Code.UNREADABLE, reason, "Give the path of a definition file.") from None
    raw = raw.removeprefix(BOM_UTF8)
    if len(raw) > MAX_BYTES:
        raise _file_problem(path, Code.TOO_LARGE, "the file is larger than 1 MB.", "Make it smaller.")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise _file_problem(path, Code.SYNTAX, "the file is not UTF-8 text.", "Save it as UTF-8.") from None


def read_tree(text: str, *, source: str) -> SourceTree:
    """Read text into plain data with its lines; raises `SourceInvalid` at the first thing that cannot be read."""
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise SourceInvalid(Code.TOO_LARGE, "the definition is larger than 1 MB.", "Make it smaller.")
    tree = read_json(text) if _is_json(text, source) else read_yaml(text)
    if isinstance(tree.data, dict):
        # Editors find the published schema by this key; it says nothing to the engine.
        tree.data.pop("$schema", None)
    return tree


def dump_definition(workflow: AdvancedWorkflow) -> dict[str, Any]:
    """Give a definition as plain JSON data, fields at their defaults left out; `parse` reads it back as an equal object."""
    return workflow.model_dump(mode="json", exclude_defaults=True)


def definition_sha256(workflow: AdvancedWorkflow) -> str:
    """Give the SHA-256, in hex, of a definition's canonical JSON; layout, comments and written-out defaults do not count."""
    return hashlib.sha256(encode(dump_definition(workflow), f"definition {workflow.workflow_id!r}")).hexdigest()


def find_definitions(folders: Iterable[Path]) -> list[LoadedDefinition]:
    """Load every definition below the folders, in the order of their files; a `workflow_id` may be there in several versions.

    Raises `DefinitionProblems` for a missing folder, a definition that does not load, or two files with one `workflow_id` and version.
    """
    found: dict[str, LoadedDefinition] = {}
    for folder in folders:
        for path, text in definition_files(folder):
            loaded = parse(text, source=str(path))
            other = found.setdefault(full_name(loaded.workflow), loaded)
            if (problem := duplicate(loaded.workflow, str(path), other.source)) is not None:
                raise DefinitionProblems(str(path), [problem])
    return list(found.values())


def definition_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Path and text of every definition below a folder, in the order of their paths.

    A definition is a `.yaml`, `.yml` or `.json` file with `workflow_id` and `steps` at its top level, or one named
    `definition.*`; `input*` files, hidden files and folders, and `cases` are left alone. Raises `DefinitionProblems` for a missing folder
    or a file that cannot be read.
    """
    if not folder.is_dir():
        raise _file_problem(folder, Code.UNREADABLE, "there is no such folder.", "Name an existing folder.")
    for path in sorted(path for path in folder.rglob("*") if _may_be_definition(path, folder)):
        text = read_text(path)
        if path.stem == "definition" or _looks_like_definition(text, path):
            yield path, text


def duplicate(workflow: AdvancedWorkflow, source: str, other: str) -> Problem | None:
    """The problem of two files with one `workflow_id` and version, equal ones too; None where both are the same file."""
    if Path(source).resolve() == Path(other).resolve():
        return None
    reason = f"version {workflow.version!r} of {workflow.workflow_id!r} is also in {other}."
    fix = "Give one of them another 'version', and both are served; or remove one."
    return Problem(Code.DUPLICATE_WORKFLOW.value, "version", reason, fix)


def misleading_name(workflow: AdvancedWorkflow, source: str) -> Problem | None:
    """The warning of a file that is named `ID@VERSION` and holds another definition; names of other forms say nothing."""
    stem = Path(source).stem
    if AT not in stem or stem == full_name(workflow):
        return None
    reason = f"the file is named {stem!r}, and holds {full_name(workflow)!r}, which is what counts."
    fix = f"Name it {full_name(workflow) + Path(source).suffix!r}, or correct 'workflow_id' and 'version'."
    return Problem(Code.MISLEADING_NAME.value, "", reason, fix, severity="warning")


def _may_be_definition(path: Path, folder: Path) -> bool:
    parts = path.relative_to(folder).parts
    left_out = any(part.startswith((".", "cases")) for part in parts) or path.name.startswith("input")
    return path.suffix in _SUFFIXES and not left_out and path.is_file()


def _looks_like_definition(text: str, path: Path) -> bool:
    try:
        data = read_tree(text, source=str(path)).data
    except SourceInvalid:
        # Broken text: only what the author meant as a definition is an error.
        return "workflow_id" in text and "steps" in text
    return isinstance(data, dict) and {"workflow_id", "steps"} <= data.keys()


def _is_json(text: str, source: str) -> bool:
    suffix = source.rpartition(".")[2].lower()
    if suffix in ("yaml", "yml"):
        return False
    return suffix == "json" or text.lstrip()[:1] == "{"


def _file_problem(path: Path, code: Code, message: str, fix: str) -> DefinitionProblems:
    return DefinitionProblems(str(path), [Problem(code.value, "", message, fix)])
