"""Temporal as the engine uses it: time, payloads, headers, the sandbox. Nothing here knows a run."""
