"""The kinds of steps: one file for each, named as the engine's."""
