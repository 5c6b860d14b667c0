"""The worker: `python worker.py` or `adw-worker`. The command is `client/serve/command.py`."""

from advanced_workflow.client.serve.command import main

if __name__ == "__main__":
    main()
