"""How every error of `adw` is told: as a sentence on standard error, and with `--json` as the one document on standard output too.

The document of an error has `code` (never changes), `message`, `fix` (what to do, or null), `exit_code`, `command`, and where they are known
the places: `run`, `step`, `workflow`, `parameter`, `problems` of a definition, `failure_type` and `result` of a run that failed, `may_count`
where what was sent may still count.
"""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import typer

from advanced_workflow.client.cli.exits import Exit
from advanced_workflow.client.cli.streams import flush_output, forget_output, is_about_output

if TYPE_CHECKING:
    from advanced_workflow.workflows.errors import WorkflowError

_PLACES = {"id": "run", "step": "step", "workflow": "workflow", "server": "server", "name": "event", "what": "what"}
"""What the arguments that name a place are called in the document."""
UsageError: type[Exception] = next(one for one in typer.BadParameter.__mro__ if one.__name__ == "ClickException")
"""Of typer or of click, which depends on typer's version."""
WRONG_USAGE = "WrongUsage"
NOT_WRITTEN = "OutputNotWritten"
FAULT = "Fault"


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of an error."""

    code: str
    message: str
    exit_code: Exit
    fix: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            self.message if self.fix is None or self.fix in self.message else f"{self.message.rstrip('.')}. {self.fix}"
        )


@dataclass(slots=True)
class Asked:
    """What was asked of `adw`, as far as that is known."""

    as_json: bool
    command: str = "adw"
    given: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def streams(self) -> bool:
        """Whether the answer is lines of JSON."""
        return self.command.partition(" ")[2] in ("watch", "dev", "demo") or self.given.get("watch") is True

    def places(self) -> dict[str, Any]:
        """The places that the arguments name."""
        return {place: self.given[name] for name, place in _PLACES.items() if isinstance(self.given.get(name), str)}


def answer(call: Callable[[], object], asked: Asked) -> int:
    """Call it, tell what it raises, and give the exit code."""
    try:
        code = _code_of(call)
        flush_output()
    except (KeyboardInterrupt, typer.Abort):
        return Exit.INTERRUPTED
    except Exception as error:
        return tell(error, asked)
    return code


def _code_of(call: Callable[[], object]) -> int:
    try:
        call()
    except typer.Exit as leaving:
        return leaving.exit_code
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 0
    return Exit.OK


def require_text(arguments: Sequence[str]) -> None:
    """Refuse arguments that are not text in the terminal's encoding: nothing could be found or sent by them."""
    for number, one in enumerate(arguments, 1):
        if not one.isascii() and any("\ud800" <= sign <= "\udfff" for sign in one):
            raise UsageError(f"argument {number} is not UTF-8 text")


def tell(error: Exception, asked: Asked) -> Exit:
    """Tell an error, and give the exit code."""
    told = told_of(error, asked)
    if told.exit_code is Exit.READER_GONE:
        forget_output()
        return told.exit_code
    from advanced_workflow.client.cli.output import complain

    if told.code == NOT_WRITTEN:
        forget_output()
    elif asked.as_json:
        try:
            _print_document(document_of(told, asked), asked)
        except OSError:
            forget_output()  # What went wrong first is told all the same.
    complain(told.sentence)
    return told.exit_code


def _print_document(document: Mapping[str, Any], asked: Asked) -> None:
    from advanced_workflow.client.cli.output import print_json, print_json_line

    if asked.streams:
        print_json_line({"type": "error", **document})
    else:
        print_json(document)
    flush_output()


def document_of(told: Told, asked: Asked) -> dict[str, Any]:
    """The JSON document of an error."""
    fixed = {"code": told.code, "message": told.message, "fix": told.fix, "exit_code": int(told.exit_code)}
    return {**fixed, "command": asked.command, **asked.places(), **told.more}


def told_of(error: Exception, asked: Asked) -> Told:
    """What is told of whatever a command raises."""
    if isinstance(error, UsageError):
        return _usage(error, asked)
    if isinstance(error, OSError) and is_about_output(error):
        return _output(error)
    from advanced_workflow.workflows.errors import WorkflowError as Ours

    return _ours(error, asked) if isinstance(error, Ours) else _fault(error)


def _usage(error: Exception, asked: Asked) -> Told:
    context = getattr(error, "ctx", None)
    if context is not None:
        asked.command = context.command_path
    said = getattr(error, "format_message", error.__str__)().strip().rstrip(".")
    where = asked.command.partition(" ")[2]
    parameter = getattr(getattr(error, "param", None), "name", None) or getattr(error, "option_name", None)
    return Told(
        WRONG_USAGE,
        f"{where}: {said}." if where else f"{said}.",
        Exit.REFUSED,
        f"'{asked.command} --help' says what it takes.",
        {"parameter": parameter} if parameter else {},
    )


def _output(error: OSError) -> Told:
    if isinstance(error, BrokenPipeError):
        return Told(NOT_WRITTEN, "the reader of the output has left.", Exit.READER_GONE)
    reason = error.strerror or str(error)
    return Told(
        NOT_WRITTEN,
        f"the output cannot be written ({reason}); what the command did is done.",
        Exit.NOT_WRITTEN,
    )


def _ours(error: WorkflowError, asked: Asked) -> Told:
    from advanced_workflow.client.cli.failures import exit_code
    from advanced_workflow.client.errors import NoAnswer, RunFailed
    from advanced_workflow.workflows.definition.problems.problem import DefinitionProblems

    more: dict[str, Any] = {}
    fix: str | None = _second_half(str(error))
    if isinstance(error, RunFailed):
        fix = f"'adw show {asked.places()['run']}' says more." if "run" in asked.places() else None
        more = {"failure_type": error.failure_type, "result": error.result}
    elif isinstance(error, NoAnswer):
        more = {"may_count": error.may_count}
    elif isinstance(error, DefinitionProblems):
        fix = error.problems[0].fix if len(error.problems) == 1 else f"'adw check {error.source}' lists all."
        more = {"source": error.source, "problems": [asdict(one) for one in error.problems]}
    return Told(error.code, str(error), exit_code(error), fix, more)


def _second_half(sentence: str) -> str | None:
    """What to do, where a sentence says it after what is wrong, as all of ours do that know it."""
    _, sign, fix = sentence.partition("; ")
    return fix if sign else None


def _fault(error: Exception) -> Told:
    from advanced_workflow.workflows.plain.text import one_line, shortened

    if os.environ.get("ADW_LOG_LEVEL") == "DEBUG":
        traceback.print_exception(error)
    return Told(
        FAULT,
        f"a fault of adw itself: {type(error).__name__}: {shortened(one_line(error), 500)}.",
        Exit.FAULT,
        "Please report it, with what ADW_LOG_LEVEL=DEBUG prints besides.",
    )
