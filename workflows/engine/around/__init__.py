"""What surrounds every step: gate, lock, conditions, handlers, attempts."""
