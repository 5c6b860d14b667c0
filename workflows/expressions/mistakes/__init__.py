"""What people write where they mean an expression, and the right form of it."""
