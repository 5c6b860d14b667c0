"""Development: a local server, a worker that reloads, the demo."""
