"""The fourth story: an agent investigates, and changes what a person lets it change."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from advanced_workflow.client.dev.demo.acts import Act
from advanced_workflow.client.dev.demo.incident import (
    DEFINITION,
    INPUT,
    RUN_ID,
    call_text,
    changes_of,
    changes_text,
    unkept,
)
from advanced_workflow.client.dev.demo.telling import STORIES, THINKING_SECONDS, Teller, asking
from advanced_workflow.client.runs import Run, get_run


async def repaired(teller: Teller) -> Act:
    """Story 4: the first change that the agent proposes is rejected, what it proposes then is approved and measured."""
    teller.title(STORIES, "an agent looks for a fault, and a person decides on the exact call it may make")
    person = _OnCall(teller)
    told = await teller.tell(DEFINITION, INPUT, RUN_ID, person.decide)
    completed = told.outcome == "completed"
    if completed:
        await _say_result(teller)
    made = changes_of(teller.stage.ledger)
    broken = unkept(made, person.approved, completed=completed)
    happened = f"{person.rejected} rejected, {person.approved} approved: {changes_text(made)}"
    return Act(RUN_ID, told.run_id, happened, told.outcome, told.seconds, broken)


@dataclass
class _OnCall:
    """Olga, who says no to what is proposed first."""

    teller: Teller
    rejected: int = field(default=0, init=False)
    approved: int = field(default=0, init=False)

    async def decide(self, run: Run) -> None:
        while asked := await asking(run):
            call = call_text(asked.subject)
            self.teller.say(f"the agent asks for {call}")
            await asyncio.sleep(THINKING_SECONDS)
            if not self.rejected:
                self.teller.say("olga rejects it: nothing may be deployed today")
                await run.reject(
                    asked.path, approver="olga", comment="nothing may be deployed today", digest=asked.digest
                )
                self.rejected += 1
            else:
                self.teller.say("olga approves exactly this call")
                await run.approve(asked.path, approver="olga", digest=asked.digest)
                self.approved += 1


async def _say_result(teller: Teller) -> None:
    result = (await get_run(teller.stage.client, RUN_ID).result()).result
    if isinstance(result, dict):
        teller.say(
            f"measured afterwards: {result['error_percent']} % of the requests fail. The cause: {result['cause']}"
        )
