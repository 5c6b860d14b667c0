"""What people see of a live run from outside: current details in the Web UI, and whom the run waits for.

The details are built when somebody looks; nothing is done for them while steps run.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from temporalio import workflow
from temporalio.common import SearchAttributeKey

from advanced_workflow.workflows.contract import (
    SEARCH_ATTRIBUTE_VERSION,
    SEARCH_ATTRIBUTE_WAITING_FOR,
    AgentProgress,
    OrchestratorProgress,
)
from advanced_workflow.workflows.contract.paths import turn_name
from advanced_workflow.workflows.definition.model.step_type import StepStatus
from advanced_workflow.workflows.engine.monitoring.questions import NOBODY, Asked, expected_events, questions
from advanced_workflow.workflows.engine.state.agent_progress import agents_that_run
from advanced_workflow.workflows.engine.state.live_state import LiveState
from advanced_workflow.workflows.engine.state.record import ORCHESTRATION, Record
from advanced_workflow.workflows.engine.temporal.outgoing import outgoing, size_of_texts
from advanced_workflow.workflows.engine.temporal.quiet import is_gone
from advanced_workflow.workflows.plain.text import markdown

WAITING_FOR = SearchAttributeKey.for_keyword_list(SEARCH_ATTRIBUTE_WAITING_FOR)
VERSION = SearchAttributeKey.for_keyword(SEARCH_ATTRIBUTE_VERSION)
OPERATOR = "operator"
MAX_ROWS = 50
"""Rows of the table."""
_MAX_NAMES_BYTES = 1800


class Display:
    """Builds the current details, and keeps the search attribute up to date."""

    def __init__(self, state: LiveState, *, search_attributes: bool) -> None:
        """Without search attributes (a namespace that does not know them) only the details are shown."""
        self._state = state
        self._search_attributes = search_attributes
        self._recent: deque[Record] = deque(maxlen=MAX_ROWS)
        self._waiting: dict[str, tuple[str, ...]] = {}
        self.shown: tuple[str, ...] = ()
        """Whom the search attribute names now."""
        self._due = False

    def settled(self, record: Record) -> None:
        """A step settled."""
        self._recent.append(record)

    def waits_for(self, path: str, people: Sequence[str]) -> None:
        """A step waits for these people (or the operator)."""
        self._waiting[path] = tuple(people)
        self._update_soon()

    def waits_no_longer(self, path: str) -> None:
        """The step waits for nobody any more."""
        self._waiting.pop(path, None)
        self._update_soon()

    def update(self) -> None:
        """Write the search attribute if it changed."""
        self._due = False
        people = tuple(sorted({one for names in self._waiting.values() for one in names}))
        if self._search_attributes and people != self.shown:
            self.shown = people
            names = _fitting(people)
            outgoing().count(size_of_texts(*names))
            workflow.upsert_search_attributes([WAITING_FOR.value_set(names)])  # pyright: ignore[reportUnknownMemberType]

    def tell_version(self) -> None:
        """Write the version that the run is pinned to; the server takes it along when the run continues as new."""
        version = self._state.plan.workflow.version
        outgoing().count(size_of_texts(version))
        workflow.upsert_search_attributes([VERSION.value_set(version)])  # pyright: ignore[reportUnknownMemberType]

    def _update_soon(self) -> None:
        # Several steps of one workflow task begin and end to wait with one event.
        if self._search_attributes and not self._due and not is_gone():
            self._due = True
            asyncio.get_running_loop().call_soon(self.update)

    def details(self, asked: Asked = NOBODY) -> str:
        """What the run asks of people, and a table of the steps: all of a small run, the active and the latest settled ones of a large one."""
        counts = self._state.counts
        known = sum(counts.values())
        head = (
            f"**{markdown(self._state.plan.workflow.label)}** {markdown(self._state.plan.workflow.version)}: {self._state.status.value}, "
            f"{counts[StepStatus.COMPLETED]} of {known} steps completed"
        )
        agents = {one.path: one for one in agents_that_run(self._state)}
        rows = [_row(one, agents.get(one.path)) for one in self._rows()]
        left_out = known - len(rows)
        tail = [f"\n… and {left_out} more"] if left_out > 0 else []
        active = (self._state.records[path] for path in self._state.active if path in self._state.records)
        asks = [*questions(asked), *expected_events(active)]
        return "\n".join(
            [head, "", *asks, "| step | status | waits for or ended with |", "|---|---|---|", *rows, *tail]
        )

    def _rows(self) -> list[Record]:
        if len(self._state.records) <= MAX_ROWS:
            return list(self._state.records.values())
        rows = dict.fromkeys(list(self._state.active)[:MAX_ROWS])
        for record in reversed(self._recent):
            if len(rows) >= MAX_ROWS:
                break
            rows.setdefault(record.path)
        return [self._state.records[path] for path in rows if path in self._state.records]


def _row(record: Record, agent: AgentProgress | None) -> str:
    error = record.error.type if record.error else None
    note = record.waiting_for or error or record.skip_reason or _how_far(record, agent)
    return f"| {markdown(_label(record))} (`{record.path}`) | {record.status.value} | {markdown(str(note))} |"


def _label(record: Record) -> str:
    call = record.notes.get("call")
    return f"{turn_name(record.path)}: {call}" if call else record.plan.step.label


def _how_far(record: Record, agent: AgentProgress | None) -> str:
    """How far an agent or an orchestrator is that runs."""
    if agent is not None:
        return _of_agent(agent)
    planned = record.notes.get(ORCHESTRATION) if record.status is StepStatus.RUNNING else None
    return "" if planned is None else OrchestratorProgress.model_validate(planned).words


def _of_agent(agent: AgentProgress) -> str:
    """What it does now, and what it has spent."""
    does = f"runs {', '.join(agent.calls)}" if agent.calls else "asks its model"
    return f"turn {agent.turn}: {does}; {agent.spent}"


def _fitting(people: tuple[str, ...]) -> list[str]:
    """As many names as the search attribute may hold."""
    names: list[str] = []
    size = 0
    for one in people:
        size += len(one.encode()) + 4
        if size > _MAX_NAMES_BYTES:
            break
        names.append(one)
    return names
