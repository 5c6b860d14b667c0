"""Definitions as text: YAML, JSON, files and folders, and the places in them."""
