"""Decisions, events and operators: what comes from outside."""
