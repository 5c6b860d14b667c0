"""What may have to be undone, and in which order."""
