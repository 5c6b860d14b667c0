"""The workflow control-flow patterns, and how the definition language expresses each.

After N. Russell, A. ter Hofstede, W. van der Aalst, N. Mulyar, "Workflow Control-Flow Patterns: A Revised View", 2006. The words
are our own. `python -m tests.patterns.catalogue` prints the table.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

Support: TypeAlias = Literal["direct", "composed", "not supported"]
"""`direct`: by the construct meant for it. `composed`: a few steps together behave so. The others say why not."""


@dataclass(frozen=True)
class Pattern:
    """One pattern; `how` it is expressed, or why it is not."""

    number: int
    name: str
    support: Support
    how: str

    @property
    def test_prefix(self) -> str:
        """What the name of its test begins with."""
        words = self.name.lower().replace("-", " ").split()
        return f"test_wcp_{self.number:02}_{'_'.join(words)}_"


GROUPS: dict[str, tuple[Pattern, ...]] = {
    "Basic control flow": (
        Pattern(1, "Sequence", "direct", "`dependencies`"),
        Pattern(2, "Parallel Split", "direct", "steps that depend on the same step"),
        Pattern(3, "Synchronization", "direct", "a step that depends on several"),
        Pattern(4, "Exclusive Choice", "direct", "`conditional` with `mode: first`"),
        Pattern(5, "Simple Merge", "direct", "a step that depends on both routes; the one not taken is skipped"),
    ),
    "Advanced branching and synchronization": (
        Pattern(6, "Multi-Choice", "direct", "`conditional` with `mode: all`"),
        Pattern(7, "Structured Synchronizing Merge", "direct", "the default `join`: routes not taken count as settled"),
        Pattern(
            8,
            "Multi-Merge",
            "composed",
            "`for_each` over the branches: each copy takes its route, then the shared steps",
        ),
        Pattern(9, "Structured Discriminator", "direct", "`join: any`"),
        Pattern(
            28, "Blocking Discriminator", "direct", "`join: any` in the body of a `loop`; a round ends when all did"
        ),
        Pattern(29, "Cancelling Discriminator", "direct", "`join: any` with `cancel_rest`"),
        Pattern(30, "Structured Partial Join", "direct", "`join: m`"),
        Pattern(31, "Blocking Partial Join", "direct", "`join: m` in the body of a `loop`; a round ends when all did"),
        Pattern(32, "Cancelling Partial Join", "direct", "`join: m` with `cancel_rest`"),
        Pattern(
            33,
            "Generalised AND-Join",
            "composed",
            "a `loop` whose round takes one event from each branch; events that came too early are kept for later rounds",
        ),
        Pattern(
            37, "Local Synchronizing Merge", "direct", "the default `join`, also where splits and joins do not pair up"
        ),
        Pattern(
            38,
            "General Synchronizing Merge",
            "direct",
            "the default `join`: it waits for what may still come, through loops and for steps that are cancelled",
        ),
        Pattern(41, "Thread Merge", "direct", "the end of a `for_each`: what depends on it runs once"),
        Pattern(42, "Thread Split", "direct", "`for_each`: a copy of the nested steps for each item"),
    ),
    "Multiple instances": (
        Pattern(12, "Multiple Instances without Synchronization", "direct", "a `for_each` nobody depends on"),
        Pattern(
            13,
            "Multiple Instances with a Priori Design-Time Knowledge",
            "direct",
            "`for_each` over a list in the definition",
        ),
        Pattern(
            14, "Multiple Instances with a Priori Run-Time Knowledge", "direct", "`for_each` over a list a step gave"
        ),
        Pattern(
            15,
            "Multiple Instances without a Priori Run-Time Knowledge",
            "direct",
            "`add_on`: an event adds an item while copies run",
        ),
        Pattern(
            34,
            "Static Partial Join for Multiple Instances",
            "composed",
            "what follows is nested in the `for_each`, and the copy that completes as the m-th runs it",
        ),
        Pattern(
            35, "Cancelling Partial Join for Multiple Instances", "direct", "`complete_when: progress.completed >= m`"
        ),
        Pattern(
            36,
            "Dynamic Partial Join for Multiple Instances",
            "direct",
            "`complete_when` over data of the run, with `add_on`; copies that still run then are cancelled",
        ),
    ),
    "State-based": (
        Pattern(16, "Deferred Choice", "direct", "`wait` steps raced by a `join: any` with `cancel_rest`"),
        Pattern(
            17, "Interleaved Parallel Routing", "direct", "`max_concurrency: 1` around steps that depend on each other"
        ),
        Pattern(18, "Milestone", "direct", "a condition on `steps.<id>.status` of a step that is not settled"),
        Pattern(39, "Critical Section", "direct", "`lock` on each section"),
        Pattern(40, "Interleaved Routing", "direct", "`max_concurrency: 1` around steps in any order"),
    ),
    "Cancellation and force completion": (
        Pattern(19, "Cancel Activity", "direct", "`cancel_on` on a step"),
        Pattern(20, "Cancel Case", "direct", "cancelling the run, which undoes what was done"),
        Pattern(25, "Cancel Region", "direct", "`cancel_on` on a container"),
        Pattern(26, "Cancel Multiple Instance Activity", "direct", "`cancel_on` on a `for_each`"),
        Pattern(27, "Complete Multiple Instance Activity", "direct", "`cancel_on` with `outcome: complete`"),
    ),
    "Iteration": (
        Pattern(
            10,
            "Arbitrary Cycles",
            "not supported",
            "dependencies have no cycles and a `loop` has one entry and one exit; let a round route on a variable instead",
        ),
        Pattern(21, "Structured Loop", "direct", "`loop`, checked before or after each round"),
        Pattern(22, "Recursion", "direct", "a `sub_workflow` that runs its own definition"),
    ),
    "Termination": (
        Pattern(11, "Implicit Termination", "direct", "a run ends when nothing is left to do"),
        Pattern(43, "Explicit Termination", "direct", "`complete_when` over the status of an end step"),
    ),
    "Trigger": (
        Pattern(23, "Transient Trigger", "direct", "`wait` for an event with `transient: true`"),
        Pattern(24, "Persistent Trigger", "direct", "`wait` for an event; those that came early are kept"),
    ),
}
"""The paper's groups."""

PATTERNS: dict[int, Pattern] = {
    one.number: one for one in sorted((one for group in GROUPS.values() for one in group), key=lambda one: one.number)
}
"""By number."""


def table() -> Iterator[str]:
    """The lines of a markdown table, by number."""
    yield "| WCP | pattern | support | how |"
    yield "|---|---|---|---|"
    for one in PATTERNS.values():
        yield f"| {one.number} | {one.name} | {one.support} | {one.how} |"


if __name__ == "__main__":
    print("\n".join(table()))
