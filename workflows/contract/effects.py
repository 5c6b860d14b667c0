"""What a run did that stands, or could not be undone: how it is asked for, who undoes it, and who owns it."""

from __future__ import annotations

from pydantic import Field

from advanced_workflow.workflows.contract.report import UndoEntry
from advanced_workflow.workflows.contract.wire import WireModel


class EffectsOf(WireModel):
    """Whose open effects are meant: those of a run that has ended."""

    workflow_id: str
    run_id: str
    """Temporal's id of any history of it; the histories that continue it are followed."""


class UndoRequest(WireModel):
    """The argument of workflow type `AdvancedWorkflowUndo` where it reads from histories what is to be undone."""

    of: EffectsOf
    run: str
    """Id of the run that is rolled back, for people; `of` is the run before this one that tried it, where there was one."""
    by: str | None = None
    """Who asked for it."""


class ReadEffects(WireModel):
    """Argument of the activity that reads a page of what an `UndoRequest` is about."""

    of: EffectsOf
    page: int = 0


class EffectsRequest(WireModel):
    """Argument of the `effects` query."""

    completed: bool = False
    """Whether the run completed: then only what it could not undo is open, as the rest is to stand."""
    page: int | None = None
    """Which page of the data an undo run needs; without it the effects are listed."""


class UnsureEffect(WireModel):
    """A step that was under way when the run ended: its history tells whether it was started at all."""

    path: str
    child: str | None = None
    """Id of its child's run, where it has one."""


class Effects(WireModel):
    """The open effects of a run that has ended."""

    began: bool = True
    """False where the run ended before it knew its definition: it did nothing."""
    execution_id: str = ""
    steps: list[str] = Field(default_factory=list[str])
    """Names of the steps of the definition's own graph that have some, themselves or inside of them."""
    entries: list[UndoEntry] = Field(default_factory=list[UndoEntry])
    """Some of them, with outcome `pending`."""
    entries_left_out: bool = False
    data: str = ""
    """The page that was asked for."""
    pages: int = 0
    digest: str = ""
    """Of all pages together."""
    unsure: list[UnsureEffect] = Field(default_factory=list[UnsureEffect])
    never: list[str] = Field(default_factory=list[str])
    """Paths of `unsure` that no history has: they were never started."""
    children: dict[str, str] = Field(default_factory=dict[str, str])
    """Child runs of `unsure` that were started: their ids, and those of their first histories."""


class TakeOver(WireModel):
    """Who takes the effects of a run over: argument of the activity, and of the record that the server keeps of it."""

    run: str
    """Id of the run whose effects they are."""
    execution_id: str
    by: str
    """Id of the run that keeps them, and undoes them if it fails."""
    by_execution: str
    attempt: int = 1
    """Which id the record has, of those that `undo_run_id` gives."""
