"""Runs definitions: plan, schedule, execute, undo. Everything here is deterministic and replays."""
