"""Calling out: activities, their undo, child runs."""
