"""Which models the worker's operator serves: whoever writes a definition spends the operator's keys."""

from __future__ import annotations

from dataclasses import dataclass

from advanced_workflow.activities.agents.failures import ModelError
from advanced_workflow.workflows.contract import AD_HOC_WORKFLOW_TYPE, ModelFailure
from advanced_workflow.workflows.definition.problems.places import listed
from advanced_workflow.workflows.plain.text import shortened

SETTING = "ADW_MODELS"
AD_HOC_SETTING = "ADW_AD_HOC_MODELS"


@dataclass(frozen=True, slots=True)
class ModelPolicy:
    """Names of models; one that ends in `*` stands for all that begin so. None: every model."""

    models: tuple[str, ...] | None = None
    ad_hoc_models: tuple[str, ...] | None = None
    """For runs that brought their definition with them."""

    def require(self, model: str, workflow_type: str) -> None:
        """Refuse a model that is not served.

        Raises:
            ModelError: with the setting to change.
        """
        _require(model, self.models, SETTING)
        if workflow_type == AD_HOC_WORKFLOW_TYPE:
            _require(model, self.ad_hoc_models, AD_HOC_SETTING)


def is_one_of(model: str, names: tuple[str, ...]) -> bool:
    """Whether a model has one of these names."""
    return any(model.startswith(one[:-1]) if one.endswith("*") else model == one for one in names)


def _require(model: str, allowed: tuple[str, ...] | None, setting: str) -> None:
    if allowed is None or is_one_of(model, allowed):
        return
    has = f"It has: {listed(sorted(allowed))}." if allowed else "It names none."
    raise ModelError(
        ModelFailure.UNKNOWN,
        f"model {shortened(model, 100)!r} is not in {setting} of this worker, so it is not called. {has}",
    )
