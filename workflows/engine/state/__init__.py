"""What a run knows of its steps, and who may go on: records, slots, locks."""
