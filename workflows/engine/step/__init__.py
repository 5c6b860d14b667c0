"""A step while it runs: its context, its failures, its waiting."""
