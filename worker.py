"""The worker: `python worker.py` or `adw-worker`. What it does is in `client/serve`."""

from advanced_workflow.client.serve.worker import main

if __name__ == "__main__":
    main()
