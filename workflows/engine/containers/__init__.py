"""What runs inside a container: one pass of a nested graph."""
