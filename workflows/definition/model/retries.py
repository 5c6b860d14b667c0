"""How a failing step is tried again, and when an action is no longer called."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StrictBool

from advanced_workflow.workflows.definition.model.base import Count, DefinitionModel, Fraction, Seconds


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

    max_attempts: Count | None = None
    """Attempts in all, the first included. Default 3."""
    backoff_strategy: BackoffStrategy | None = None
    """`exponential` (default), `linear` or `fixed`."""
    delay: Seconds | None = None
    """Seconds before the first retry. Default 1."""
    backoff_multiplier: Annotated[float, Field(ge=1, le=1000, strict=True)] | None = None
    """Factor per retry for `exponential`. Default 2."""
    max_delay: Seconds | None = None
    """Upper bound of the delay in seconds. Default 60."""
    jitter: Fraction | None = None
    """Largest random share taken off a delay: 0.2 waits 80 to 100 % of it. Default 0."""
    non_retryable: tuple[str, ...] | None = None
    """Error types that are never tried again."""
    continue_on_failure: StrictBool | None = None
    """The step stays FAILED and the run goes on. Default false."""
    parallel_failure_threshold: Fraction | None = None
    """The success rate a `parallel` step needs (the name is historical). Default 0.5."""
    circuit_breaker: CircuitBreakerPolicy | None = None
    """Stops calling an action that keeps failing."""
