"""Plain values, on the lowest floor: what is JSON, times as text, and what does not fit a model."""
