"""What a run knows of its steps, and which of them may run now: records, slots, locks."""
