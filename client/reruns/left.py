"""What a rerun would leave behind: effects of the run it repeats that it does not keep, and nobody has undone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from temporalio.client import Client

from advanced_workflow.client.reruns.effects import Attempt, EndedRun, attempts, effects_of
from advanced_workflow.workflows.contract import Effects, UndoEntry
from advanced_workflow.workflows.contract.paths import StepPath, handler_key
from advanced_workflow.workflows.definition.workflow import AdvancedWorkflow
from advanced_workflow.workflows.errors import OperationRefused


@dataclass(frozen=True, slots=True)
class Standing:
    """The effects of an ended run, and what has become of them since."""

    effects: Effects
    """Those that were there when it ended."""
    failed: Effects
    """Of a run that completed: those that it could not undo. What else it did is to stand."""
    undone_by: str | None = None
    """The run that went over them, if one did: then `effects` are those that it left."""
    undone: tuple[str, ...] = ()
    """The steps it went over: their results must not be kept."""
    taken_by: str | None = None
    """The rerun that has taken them over, if one did."""

    def kept(self, workflow: AdvancedWorkflow, steps: Iterable[str]) -> list[str]:
        """The steps that are kept and have effects."""
        names = _names(workflow, steps)
        return [one for one in self.effects.steps if one in names]

    def left(self, workflow: AdvancedWorkflow, kept: Iterable[str], wanted: Iterable[str]) -> Effects:
        """What nobody would undo. What a completed run did is to stand where its step is `wanted` again by name."""
        if self.taken_by is not None:
            return self.failed
        covered = {*_names(workflow, kept), *(_names(workflow, wanted) if self.undone_by is None else ())}
        steps = [one for one in self.effects.steps if one not in covered]
        entries = [one for one in self.effects.entries if _top(one) in steps]
        return Effects(steps=[*steps, *self.failed.steps], entries=[*entries, *self.failed.entries])


async def standing_of(client: Client, ended: EndedRun) -> Standing:
    """Ask the run, and those that have undone or taken over its effects. Raises `OperationRefused` while one does."""
    effects = await effects_of(client, ended, standing=True)
    last = (await attempts(client, ended, effects.execution_id)).last
    _require_ended(ended, last)
    failed = await _failed(client, ended, effects.execution_id)
    if last is None:
        return Standing(effects, failed)
    if last.taken_by is not None:
        return Standing(effects, failed, taken_by=last.taken_by)
    left = await effects_of(client, last.run)
    return Standing(left, failed, undone_by=last.run.id, undone=tuple(effects.steps))


async def _failed(client: Client, ended: EndedRun, execution_id: str) -> Effects:
    if not ended.completed:
        return Effects()
    last = (await attempts(client, ended, execution_id, rest=True)).last
    _require_ended(ended, last)
    return await effects_of(client, ended if last is None else last.run)


def _require_ended(ended: EndedRun, last: Attempt | None) -> None:
    if last is not None and last.running and last.taken_by is None:
        raise OperationRefused(f"what run {ended.id!r} left is being undone by {last.run.id!r}; wait for its end.")


def _names(workflow: AdvancedWorkflow, steps: Iterable[str]) -> set[str]:
    """The names under which steps and the error handlers that ran for them have their effects."""
    wanted = set(steps)
    handlers = [(one.step_id, handler.handler) for one in workflow.steps for handler in one.error_handlers]
    of_them = [pair for pair in handlers if pair[0] in wanted]
    return {*wanted, *(handler for _, handler in of_them), *(handler_key(*pair) for pair in of_them)}


def _top(entry: UndoEntry) -> str:
    """The step of the definition's own graph that an effect is of, by its name there."""
    return str(StepPath(entry.path).parts[0]._replace(number=""))
