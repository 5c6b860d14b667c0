"""Actions that come with every worker."""
