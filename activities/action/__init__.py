"""What authors of actions use."""
