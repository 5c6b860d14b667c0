"""Starting a run again with what it completed: `plan` has the functions."""
