"""The worker: what it serves, and the command that starts it."""
