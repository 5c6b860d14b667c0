"""What model calls cost: the operator's price table (`ADW_MODEL_PRICES`), by the name a definition gives the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from advanced_workflow.activities.agents.files import read_file
from advanced_workflow.workflows.contract import Usage

SETTING = "ADW_MODEL_PRICES"
_MILLION = 1_000_000

_Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Price(BaseModel):
    """Of a million tokens, in the currency of the table."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: _Amount
    output: _Amount
    cached_input: _Amount | None = None
    """Of input that the provider had in its cache; as other input where it is left out."""

    def of(self, usage: Usage) -> float:
        """What a call cost."""
        cached = min(usage.cached_tokens, usage.input_tokens)
        for_cached = self.input if self.cached_input is None else self.cached_input
        fresh = usage.input_tokens - cached
        return (fresh * self.input + cached * for_cached + usage.output_tokens * self.output) / _MILLION


class Prices:
    """A price table. A name that ends in `*` stands for all that begin so; the longest that fits counts."""

    def __init__(self, prices: Mapping[str, Price] | None = None) -> None:
        """Without a table no price is known."""
        self._prices = dict(prices or {})
        self._beginnings = sorted((name[:-1] for name in self._prices if name.endswith("*")), key=len, reverse=True)

    @staticmethod
    def read(path: Path | None) -> Prices:
        """Read the table; raises `ModelFileInvalid`."""
        return Prices(read_file(path, _TABLE, SETTING) if path else None)

    def of(self, model: str) -> Price | None:
        """The price of a model; None where the table has none."""
        found = self._prices.get(model)
        if found is not None:
            return found
        beginning = next((one for one in self._beginnings if model.startswith(one)), None)
        return None if beginning is None else self._prices[f"{beginning}*"]

    def cost(self, model: str, usage: Usage) -> float | None:
        """What a call cost; None where that is not known."""
        price = self.of(model)
        return None if price is None else price.of(usage)


_TABLE = TypeAdapter(dict[str, Price])
