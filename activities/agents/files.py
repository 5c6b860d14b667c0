"""The files that tell a worker of models: read when it starts, YAML or JSON as definitions are."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems
from advanced_workflow.workflows.definition.text.load import read_text, read_tree
from advanced_workflow.workflows.definition.text.source_tree import SourceInvalid
from advanced_workflow.workflows.errors import WorkflowError
from advanced_workflow.workflows.plain.misfits import places

_T = TypeVar("_T")


class ModelFileInvalid(WorkflowError):
    """A file that a setting names for models (endpoints, prices, scripts) cannot be used; the sentence names the place."""

    code = "ModelFileInvalid"


def read_file(path: Path, shape: TypeAdapter[_T], setting: str) -> _T:
    """Read a file; `setting` is what names it.

    Raises:
        ModelFileInvalid: it is missing, is not YAML or JSON, or does not have the shape.
    """
    try:
        data = read_tree(read_text(path), source=str(path)).data
        return shape.validate_python(data)
    except (DefinitionProblems, SourceInvalid) as error:
        raise ModelFileInvalid(f"{setting}: {path}: {_why(error)}") from None
    except ValidationError as error:
        raise ModelFileInvalid(f"{setting}: {path}: {places(error, 'the file')}.") from None


def _why(error: DefinitionProblems | SourceInvalid) -> str:
    if isinstance(error, DefinitionProblems):  # The file as a whole: missing, too large, or not text.
        return f"{error.problems[0].message} Name a file of YAML or JSON."
    problem = error.problem
    line = f"line {problem.line}: " if problem.line else ""
    return f"{line}{problem.message} {problem.fix}"
