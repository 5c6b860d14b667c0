"""The rules of check, one theme a file."""
