"""A whole run: its beginning, messages, end, and how it continues as new."""
