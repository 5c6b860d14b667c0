"""Agents: a conversation with a model, the calls of tools that it asks for, limits, and the typed answer."""
