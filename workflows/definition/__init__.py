"""The definition language: models, loading and the rules that need no expressions."""
