"""How a failing step is tried again, and when an action is no longer called."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final

from pydantic import Field, StrictBool

from advanced_workflow.workflows.definition.model.base import Count, DefinitionModel, Fraction, Seconds
from advanced_workflow.workflows.definition.model.markers import AtMost, For, MakesResult, Name, Trait
from advanced_workflow.workflows.definition.model.step_type import StepType


class BackoffStrategy(StrEnum):
    """How the delay before a retry grows."""

    EXPONENTIAL = "exponential"
    LINEAR = "linear"
    FIXED = "fixed"


class CircuitBreakerPolicy(DefinitionModel):
    """When an action is no longer called because it keeps failing."""

    failure_threshold: Count = 5
    """Failures in a row that open the breaker."""
    timeout: Seconds = 30
    """Seconds the breaker stays open before one probe."""


class RetryPolicy(DefinitionModel):
    """How a failing step is tried again. A field left out is taken from the workflow, then from the defaults."""

    max_attempts: Annotated[Count | None, For(Trait.TRIED), AtMost(2**31 - 1)] = None
    """Attempts in all, the first included. Default 3."""
    backoff_strategy: Annotated[BackoffStrategy | None, For(Trait.TRIED)] = None
    """`exponential` (default), `linear` or `fixed`."""
    delay: Annotated[Seconds | None, For(Trait.TRIED)] = None
    """Seconds before the first retry. Default 1."""
    backoff_multiplier: Annotated[Annotated[float, Field(ge=1, le=1000, strict=True)] | None, For(Trait.TRIED)] = None
    """Factor per retry for `exponential`. Default 2."""
    max_delay: Annotated[Seconds | None, For(Trait.TRIED)] = None
    """Upper bound of the delay in seconds. Default 60."""
    jitter: Annotated[Fraction | None, For(Trait.CALLS)] = None
    """Largest random share taken off a delay: 0.2 waits 80 to 100 % of it. Default 0."""
    non_retryable: Annotated[tuple[str, ...] | None, For(Trait.TRIED), Name("an error type")] = None
    """Error types that are never tried again."""
    continue_on_failure: StrictBool | None = None
    """The step stays FAILED and the run continues. Default false."""
    parallel_failure_threshold: Annotated[Fraction | None, For(StepType.PARALLEL), MakesResult()] = None
    """The success rate a `parallel` step needs (the name is historical). Default 0.5."""
    circuit_breaker: Annotated[CircuitBreakerPolicy | None, For(Trait.CALLS)] = None
    """Stops calling an action that keeps failing."""


DEFAULTS: Final[Mapping[str, Any]] = {
    "max_attempts": 3,
    "backoff_strategy": BackoffStrategy.EXPONENTIAL,
    "delay": 1.0,
    "backoff_multiplier": 2.0,
    "max_delay": 60.0,
    "jitter": 0.0,
    "non_retryable": (),
    "continue_on_failure": False,
    "parallel_failure_threshold": 0.5,
    "circuit_breaker": None,
}
"""What holds where neither the step nor the workflow says it."""


def chosen(name: str, own: RetryPolicy, workflows: RetryPolicy) -> Any:  # noqa: ANN401 - one function for fields of several types
    """A field of a step's policy: the step's, else the workflow's, else the documented default."""
    return next((value for one in (own, workflows) if (value := getattr(one, name)) is not None), DEFAULTS[name])
