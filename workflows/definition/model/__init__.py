"""The models of a definition, one theme a file."""
