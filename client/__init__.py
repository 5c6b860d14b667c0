"""For callers: connecting, starting and watching runs, the command line, and serving."""
