"""Scripts that scripted models follow: files of a folder, read when the worker starts.

A script is a list of what the model says, and when. What it says depends on the conversation alone, so that a call made again gets the
same answer. Expressions see `turn` (1 for the first answer), `task` (the first message), `last` (the latest: `role`, `content`, `name`,
`error`, and `data`, its content read as JSON), `results` (the latest data of each tool, by name) and `ask`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, JsonValue, TypeAdapter, model_validator

from advanced_workflow.activities.agents.files import ModelFileInvalid, read_file
from advanced_workflow.workflows.contract import ModelFailure
from advanced_workflow.workflows.errors import ExpressionError
from advanced_workflow.workflows.expressions.condition import compile_test
from advanced_workflow.workflows.expressions.template import compile_mapping

SETTING = "ADW_MODEL_SCRIPTS"
ROOTS = frozenset({"turn", "task", "last", "results", "ask"})
_SUFFIXES = (".yaml", ".yml", ".json")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScriptedCall(_Part):
    """A call of a tool."""

    name: str
    arguments: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """Texts are expressions, as in an `input_mapping`."""
    text: str | None = None
    """What stands in the arguments' place: to see what becomes of those that are not JSON."""


class ScriptedFailure(_Part):
    """A failure in an answer's place."""

    type: ModelFailure = ModelFailure.UNAVAILABLE
    attempts: Annotated[int, Field(ge=1)] | None = None
    """So many attempts fail and the next one answers; all where it is left out."""
    retry_after: Annotated[float, Field(ge=0, le=3600)] | None = None


class Line(_Part):
    """One thing the model says.

    The first line whose `when` holds is said; else of those without one the n-th in turn n, and the last in all turns after it.
    """

    when: str | None = None
    say: str = ""
    answer: JsonValue = None
    """The text is the JSON of this; texts in it are expressions."""
    calls: tuple[ScriptedCall, ...] = ()
    fail: ScriptedFailure | None = None
    finish_reason: str | None = None
    input_tokens: Annotated[int, Field(ge=0)] | None = None
    output_tokens: Annotated[int, Field(ge=0)] | None = None
    """Where they are left out, a quarter of the characters."""
    seconds: Annotated[float, Field(ge=0, le=3600)] = 0
    """How long it takes to answer."""

    @model_validator(mode="after")
    def _compiles(self) -> Line:
        try:
            if self.when is not None:
                compile_test(self.when, ROOTS)
            for mapping in (self.answer, *(call.arguments for call in self.calls)):
                compile_mapping(mapping, ROOTS)
        except ExpressionError as error:
            raise ValueError(str(error)) from None
        return self


Script = tuple[Line, ...]

_SCRIPT: TypeAdapter[Script] = TypeAdapter(Annotated[Script, Field(min_length=1)])


def script_of(lines: object) -> Script:
    """A script of plain data; raises pydantic's `ValidationError`."""
    return _SCRIPT.validate_python(lines)


def read_scripts(folders: Iterable[Path]) -> Mapping[str, Script]:
    """The scripts of these folders, by the names of their files.

    Raises:
        ModelFileInvalid: a folder is missing, a file is not a script, or two have one name.
    """
    found: dict[str, Script] = {}
    for folder in folders:
        if not folder.is_dir():
            raise ModelFileInvalid(f"{SETTING}: there is no folder {folder}; name an existing one.")
        for path in sorted(one for one in folder.iterdir() if one.suffix in _SUFFIXES):
            if path.stem in found:
                raise ModelFileInvalid(f"{SETTING}: two files are script {path.stem!r}, one is {path}; rename one.")
            found[path.stem] = read_file(path, _SCRIPT, SETTING)
    return found
