"""Orchestrators: analysis of a task, plans as data, strategies, recovery; the graph that joins them is in `graphs`."""
