"""What an act leaves for the end of the demo."""

from __future__ import annotations

from dataclasses import dataclass, field

from advanced_workflow.client.dev.demo.orders import Effects, Order


@dataclass
class Act:
    """One run of the demo, and what came of it."""

    name: str
    """The run's id as people know it."""
    run_id: str
    happened: str
    outcome: str
    seconds: float | None
    broken: list[str] = field(default_factory=list)
    """Sentences about what should hold and does not."""


@dataclass
class OrderAct(Act):
    """The run of an order."""

    order: Order = field(kw_only=True)
    effects: Effects = field(kw_only=True)
