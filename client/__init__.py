"""For callers: connecting, starting and following runs, the command line, and serving."""
