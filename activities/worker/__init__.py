"""What runs around actions in a worker: registry, interceptors, circuit breaker, preparing runs."""
